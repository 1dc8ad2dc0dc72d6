//! What the dashboard says an order takes is what the server's table says.

use rollout_http::auth::{Operation, role_name};
use rollout_tui::app::OrderKind;

#[test]
fn the_dashboard_knows_the_roles_of_every_order() {
    for kind in OrderKind::ALL {
        let named = |operation: &&Operation| operation.name() == kind.operation();
        let operation = Operation::ALL.iter().find(named);
        let operation = operation.unwrap_or_else(|| panic!("{kind:?} is no operation"));
        let roles: Vec<&str> = operation.roles().iter().map(|role| role_name(*role)).collect();
        assert_eq!(kind.roles(), roles, "{kind:?}");
    }
}

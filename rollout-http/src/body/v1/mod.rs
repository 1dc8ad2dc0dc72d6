//! Version 1 of the operator API, for both sides, and the plan as people write it.
//!
//! Times are Unix seconds unless a name says otherwise; digests are 64 hexadecimal digits; signed
//! documents are base64. Not here: paths and status codes. Invariant: no field holds a secret,
//! except the one token that its answer shows once.

mod access;
mod channels;
mod devices;
mod freezes;
mod overview;
mod people;
mod plan;
mod plan_json;
mod plan_schedule;
mod plan_table;
mod releases;
mod rollouts;
mod ways;
mod when;

pub use access::{
    EnrollmentLine, EnrollmentOpened, Enrollments, EventLine, OpenEnrollment, ProblemBody, Ready,
    RoleName, TokenLine, TokenMade, TokenRequest, Tokens,
};
pub use channels::{
    ChannelBody, ChannelRequest, Channels, PromoteRequest, PromotedBody, PromotionLine,
};
pub use devices::{
    AddDevice, CohortBody, CohortRequest, Cohorts, DeviceBody, DeviceExecution, DevicePage,
    DevicePatch, DeviceToken, Imported, NoteBody, NoteRequest, OfferRequest, ReplaceRequest,
};
pub use freezes::{FreezeBody, FreezeRequest, Freezes};
pub use overview::{CensusBody, FleetBody, MeBody, OverviewBody, VersionLine};
pub use people::{ChangeBody, EditBody, EditedBody, ReviewBody};
pub use plan::{parse_plan, parse_plan_with, parse_template};
pub use plan_json::plan_json;
pub use releases::{
    ArtifactBody, DeadEndBody, DeadEndRequest, DeadEnds, GoodRelease, ProductBody, Products,
    PublishRequest, Reasoned, ReleaseBody, Releases, RenewRequest, RootBody, StonesRequest, Stored,
    WayBackBody, WayBackRequest,
};
pub use rollouts::{
    ApproveRequest, BlamedBody, CheckBody, CountsBody, EvidenceBody, ExclusionBody, ExecutionBody,
    ExplanationBody, GateBody, LookBody, MemberLine, MemberPage, PaceBody, PauseRequest, ProofBody,
    ProvenBody, ReachBody, ReturnBody, RollbackBody, RolloutBody, RolloutLine, RolloutList,
    RungBody,
};
pub use ways::{HopBody, LossBody, WayBody, WaysBody};
pub use when::{parse_when, show_when};

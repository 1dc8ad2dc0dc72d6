//! The routes and their description, which are one thing: OpenAPI 3.1 of both planes.
//!
//! A route gets into a router through [`Table::add`] alone, with its description, so none can be
//! without one. Not here: what a route does. Invariant: the document names every path and method
//! that is answered, and nothing else.

mod page;
pub(crate) mod param;
mod route;
pub(crate) mod wire;

pub(crate) use route::{Route, Shows, delete, get, patch, post, put};

use crate::body::v1::ProblemBody;
use crate::routes::{knows_parameters, method_not_allowed, nowhere, path_is_text};
use axum::Router;
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, header};
use axum::middleware;
use axum::response::IntoResponse as _;
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::{Map, Value, json};
use std::sync::{Arc, OnceLock};
use utoipa::PartialSchema as _;

/// Which plane a table is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plane {
    /// People and programs.
    Operators,
    /// Devices.
    Devices,
}

/// Routes with their descriptions.
pub(crate) struct Table<S> {
    plane: Plane,
    router: Router<S>,
    routes: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Table<S> {
    pub(crate) fn new(plane: Plane) -> Self {
        Self { plane, router: Router::new(), routes: Vec::new() }
    }

    /// Lets `handler` answer a route.
    pub(crate) fn add<H, T>(self, route: Route, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        // Every method of `Route` has a filter.
        let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
        let service = on(filter, handler);
        let service = match route.known() {
            None => service,
            Some(known) => {
                service.route_layer(middleware::from_fn_with_state(known, knows_parameters))
            }
        };
        self.add_service(route, service)
    }

    fn add_service(mut self, route: Route, service: MethodRouter<S>) -> Self {
        self.router = self.router.route(route.path, service);
        self.routes.push(route);
        self
    }

    /// Which methods are answered on which paths.
    pub(crate) fn answered(&self) -> Answered {
        Answered(self.routes.iter().map(|route| (route.method.clone(), route.path)).collect())
    }

    /// All of it, with its own description.
    pub(crate) fn finish(self) -> Router<S> {
        let json = get("openapi", "/openapi.json", "This description, as OpenAPI 3.1.")
            .answers_raw(200, "application/json", "The document.");
        let docs = get("docs", "/docs", "This description, as a page to read.").answers_raw(
            200,
            "text/html",
            "The page.",
        );
        let Self { plane, mut routes, router } = self;
        routes.extend([json.clone(), docs.clone()]);
        let document =
            Arc::new(Document { plane, routes, text: OnceLock::new(), page: OnceLock::new() });
        let shown = Arc::clone(&document);
        let router = router
            .route(json.path, axum::routing::get(async move || as_json(&document)))
            .route(docs.path, axum::routing::get(async move || as_page(&shown)));
        let router = router.fallback(nowhere).method_not_allowed_fallback(method_not_allowed);
        router.layer(middleware::from_fn(path_is_text))
    }
}

/// Which methods are answered on which paths.
pub(crate) struct Answered(Vec<(Method, &'static str)>);

impl Answered {
    /// Whether a method is answered on a path: on the one of those that fit it which has most parts
    /// written out, as the router has it.
    pub(crate) fn has(&self, method: &Method, path: &str) -> bool {
        let is_open = |part: &str| part.starts_with('{');
        let fits = |route: &str| {
            let parts = route.split('/').zip(path.split('/'));
            route.split('/').count() == path.split('/').count()
                && parts.into_iter().all(|(known, part)| known == part || is_open(known))
        };
        let fitting = self.0.iter().filter(|(_, route)| fits(route));
        let open = |route: &str| route.split('/').filter(|part| is_open(part)).count();
        let Some((_, best)) = fitting.min_by_key(|(_, route)| open(route)) else { return false };
        self.0.iter().any(|(known, route)| route == best && known == method)
    }
}

struct Document {
    plane: Plane,
    routes: Vec<Route>,
    text: OnceLock<String>,
    page: OnceLock<String>,
}

impl Document {
    fn text(&self) -> &str {
        // A document of texts and numbers can always be written.
        self.text.get_or_init(|| {
            serde_json::to_string_pretty(&self.described()).unwrap_or_default() + "\n"
        })
    }

    fn described(&self) -> Value {
        let mut paths: Map<String, Value> = Map::new();
        let mut schemas: Map<String, Value> = Map::new();
        let mut problem = vec![("ProblemBody".to_owned(), ProblemBody::schema())];
        <ProblemBody as utoipa::ToSchema>::schemas(&mut problem);
        for (name, schema) in problem {
            schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
        }
        for route in &self.routes {
            let item = paths.entry(route.path).or_insert_with(|| json!({}));
            item[route.method.as_str().to_lowercase()] = route.described();
            schemas.extend(route.schemas().iter().cloned());
        }
        let (title, about) = match self.plane {
            Plane::Operators => ("Rollouts", OPERATORS),
            Plane::Devices => ("Rollouts, for devices", DEVICES),
        };
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": title,
                "version": "1",
                "description": about,
                "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
            },
            "servers": [{ "url": "/" }],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "responses": refusals(),
                "securitySchemes": schemes(self.plane),
            },
        })
    }
}

const OPERATORS: &str = "The control plane of firmware rollouts, for people and programs. Every \
    refusal is `application/problem+json` with a stable code, a detail and a hint. Lists go on \
    from where a page says; entries of the journal have places without gaps.";
const DEVICES: &str = "The control plane of firmware rollouts, for devices, version 1 of the wire. \
    Readers skip fields they do not know.";

fn schemes(plane: Plane) -> Value {
    let bearer = |about: &str| json!({ "type": "http", "scheme": "bearer", "description": about });
    match plane {
        Plane::Operators => json!({ "operator": bearer("A token that `rollout token new` made.") }),
        Plane::Devices => json!({
            "device": bearer("The token of one device."),
            "enrollment": bearer("A token with which devices enroll."),
        }),
    }
}

/// What a refusal of a status means, wherever it comes from.
const REFUSALS: &[(u16, &str)] = &[
    (400, "The request itself is wrong."),
    (401, "There is no token, or it is not good here."),
    (403, "The token does not allow it."),
    (404, "It is not there."),
    (405, "The path does not know this method; `Allow` says which it knows."),
    (408, "The request did not come in time."),
    (409, "Something is in the way."),
    (412, "It has changed since; `current` is how it is."),
    (413, "The body is too large."),
    (415, "The body has a type that this route does not read."),
    (416, "The image has no such bytes."),
    (422, "The key was used for another request."),
    (429, "Too many requests; come again after `Retry-After`."),
    (503, "Not now; come again after `Retry-After`."),
];

fn refusals() -> Value {
    let schema = json!({ "$ref": "#/components/schemas/ProblemBody" });
    let retry = json!({ "description": "Seconds.", "schema": { "type": "integer", "minimum": 1 } });
    let text = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    let refused = |(status, about): &(u16, &str)| {
        let headers = match status {
            401 => json!({ "WWW-Authenticate": text("`Bearer`.") }),
            405 => json!({ "Allow": text("Methods.") }),
            429 | 503 => json!({ "Retry-After": retry.clone() }),
            _ => json!({}),
        };
        let refused = json!({
            "description": about,
            "headers": headers,
            "content": { "application/problem+json": { "schema": schema.clone() } },
        });
        (status.to_string(), refused)
    };
    let mut refusals: Map<_, _> = REFUSALS.iter().map(refused).collect();
    let known = json!({ "description": "It is what the caller has.", "headers": {
        "ETag": text("Its tag.") } });
    refusals.insert("304".into(), known);
    Value::Object(refusals)
}

fn as_json(document: &Document) -> axum::response::Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], document.text().to_owned()).into_response()
}

fn as_page(document: &Document) -> axum::response::Response {
    let page = document.page.get_or_init(|| page::render(&document.described()));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        // Nothing is loaded from anywhere.
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::POLICY)),
    ];
    (headers, page.clone()).into_response()
}

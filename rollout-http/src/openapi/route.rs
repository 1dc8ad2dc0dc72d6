//! One route as it is described: what it takes, what it answers, who may.
//!
//! Invariant: whatever every route of a kind can answer is added here, so that no route forgets
//! it: 401, 403, 408, 429 and 503 where a token is asked for, 400 where something is read, and
//! where an operator asks, who is told of a parameter that the route does not have.

use super::param::{self, Param, Place};
use crate::auth::Operation;
use crate::gate::is_keyed;
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// What can be edited, by how its paths begin.
const THINGS: [&str; 5] = [
    "/v1/rollouts/{id}",
    "/v1/cohorts/{name}",
    "/v1/releases/{id}",
    "/v1/devices/{id}",
    "/v1/products/{product}/channels/{channel}",
];

/// What a caller shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Nothing.
    Nothing,
    /// An operator's token.
    Operator,
    /// A device's token.
    Device,
    /// An enrollment's token.
    Enrollment,
}

/// A route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub method: Method,
    pub path: &'static str,
    id: &'static str,
    summary: &'static str,
    shows: Shows,
    operations: Vec<Operation>,
    params: Vec<(Param, bool)>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    refusals: Vec<u16>,
    schemas: Vec<(String, Value)>,
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {
        $(/// A route of this method: the name of its operation, its path, what it does.
        pub(crate) fn $name(id: &'static str, path: &'static str, does: &'static str) -> Route {
            Route::new(Method::$method, id, path, does)
        })*
    };
}

methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

impl Route {
    fn new(method: Method, id: &'static str, path: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            summary,
            shows: Shows::Nothing,
            operations: Vec::new(),
            params: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            refusals: Vec::new(),
            schemas: Vec::new(),
        }
    }

    /// What a caller must be allowed to do; once more if it depends on the request.
    pub(crate) fn asks(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self.shows(Shows::Operator).refuses(&[400, 403, 429])
    }

    /// Which token it takes.
    pub(crate) fn shows(mut self, shows: Shows) -> Self {
        self.shows = shows;
        self.refuses(&[401, 408, 503])
    }

    /// Parameters: of the path, and others that may be left out.
    pub(crate) fn takes(mut self, params: &[Param]) -> Self {
        self.params.extend(params.iter().map(|param| (*param, false)));
        self.refuses(&[400])
    }

    /// Parameters that must be there.
    pub(crate) fn needs(mut self, params: &[Param]) -> Self {
        self.params.extend(params.iter().map(|param| (*param, true)));
        self
    }

    /// A JSON document that it reads.
    pub(crate) fn reads<T: ToSchema>(mut self) -> Self {
        let schema = self.schema_of::<T>();
        self.body = Some(json!({
            "required": true,
            "content": { "application/json": { "schema": schema } },
        }));
        self.refuses(&[400, 413, 415])
    }

    /// Another body that it reads, by its types.
    pub(crate) fn reads_raw(mut self, types: &[&str], schema: &Value, example: Value) -> Self {
        let content = |kind: &&str| {
            let mut content = json!({ "schema": schema });
            if !example.is_null() {
                content["example"] = example.clone();
            }
            ((*kind).to_owned(), content)
        };
        let content: Map<_, _> = types.iter().map(content).collect();
        self.body = Some(json!({ "required": true, "content": content }));
        self.refuses(&[400, 413])
    }

    /// A JSON document that it answers with.
    pub(crate) fn answers<T: ToSchema>(mut self, status: u16, about: &str) -> Self {
        let schema = self.schema_of::<T>();
        let content = json!({ "application/json": { "schema": schema } });
        self.answers.insert(status, json!({ "description": about, "content": content }));
        self
    }

    /// One of two JSON documents that it answers with.
    pub(crate) fn answers_either<T: ToSchema, U: ToSchema>(
        mut self,
        status: u16,
        about: &str,
    ) -> Self {
        let either = json!({ "anyOf": [self.schema_of::<T>(), self.schema_of::<U>()] });
        let content = json!({ "application/json": { "schema": either } });
        self.answers.insert(status, json!({ "description": about, "content": content }));
        self
    }

    /// A document that its answers are made of.
    pub(crate) fn mentions<T: ToSchema>(mut self) -> Self {
        self.schema_of::<T>();
        self
    }

    /// Another document that it answers with.
    pub(crate) fn answers_raw(mut self, status: u16, kind: &str, about: &str) -> Self {
        let content = json!({ kind: { "schema": { "type": "string" } } });
        self.answers.insert(status, json!({ "description": about, "content": content }));
        self
    }

    /// An answer without a body.
    pub(crate) fn answers_nothing(mut self, status: u16, about: &str) -> Self {
        self.answers.insert(status, json!({ "description": about }));
        self
    }

    /// Status codes of its refusals, besides those that follow from what it takes.
    pub(crate) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refusals.extend(statuses);
        self
    }

    fn schema_of<T: ToSchema>(&mut self) -> Value {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            // A schema is a plain tree.
            let mut schema = serde_json::to_value(schema).unwrap_or_default();
            name_formats(&mut schema);
            self.schemas.push((name, schema));
        }
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }

    /// The group it is shown in.
    pub(super) fn tag(&self) -> &'static str {
        let mut parts = self.path.trim_start_matches('/').split('/');
        match (parts.next(), parts.next()) {
            (Some("device"), _) => "device",
            (Some("v1"), Some(noun)) => noun,
            (_, _) => "server",
        }
    }

    pub(super) fn schemas(&self) -> &[(String, Value)] {
        &self.schemas
    }

    /// Names that a query may have, if others are refused: where operators ask. Probes and pages
    /// bear with others, and devices may know more than we do.
    pub(super) fn known(&self) -> Option<Arc<[&'static str]>> {
        let names = self.params.iter().filter(|(param, _)| param.place == Place::Query);
        (self.shows == Shows::Operator).then(|| names.map(|(param, _)| param.name).collect())
    }

    /// Parameters and refusals of the gate, which every route of operators has.
    fn conditions(&self) -> (Vec<Param>, Vec<u16>) {
        let (mut params, mut refusals) = (Vec::new(), Vec::new());
        if self.shows != Shows::Operator {
            return (params, refusals);
        }
        let is_json = |answer: &Value| answer["content"]["application/json"].is_object();
        if self.method == Method::GET {
            if self.answers.get(&200).is_some_and(is_json) {
                params.push(param::IF_NONE_MATCH);
                refusals.push(304);
            }
            return (params, refusals);
        }
        if THINGS.iter().any(|thing| self.path.starts_with(thing)) {
            params.push(param::IF_MATCH);
            refusals.push(412);
        }
        if is_keyed(&self.method, self.path) {
            params.push(param::KEY);
            refusals.extend([400, 409, 413, 422]);
        }
        (params, refusals)
    }

    /// As OpenAPI describes it.
    pub(super) fn described(&self) -> Value {
        let (asked, refused) = self.conditions();
        let params = self.params.iter().map(|(param, needed)| param.described(*needed));
        let params = params.chain(asked.iter().map(|param| param.described(false)));
        let mut responses: Map<String, Value> = self
            .answers
            .iter()
            .map(|(status, answer)| (status.to_string(), answer.clone()))
            .collect();
        for status in self.refusals.iter().chain(&refused) {
            let refused = json!({ "$ref": format!("#/components/responses/{status}") });
            responses.entry(status.to_string()).or_insert(refused);
        }
        let mut route = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [self.tag()],
            "parameters": params.collect::<Vec<_>>(),
            "responses": responses,
            "security": self.security(),
        });
        if !self.operations.is_empty() {
            let names: Vec<_> = self.operations.iter().map(|asked| asked.name()).collect();
            route["x-operations"] = json!(names);
        }
        if let Some(body) = &self.body {
            route["requestBody"] = body.clone();
        }
        route
    }

    fn security(&self) -> Value {
        match self.shows {
            Shows::Nothing => json!([]),
            Shows::Operator => json!([{ "operator": [] }]),
            Shows::Device => json!([{ "device": [] }]),
            Shows::Enrollment => json!([{ "enrollment": [] }]),
        }
    }
}

/// Formats of numbers as the OpenAPI registry names them.
fn name_formats(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(format)) = fields.get_mut("format") {
                *format = format.replace("u-int", "uint");
            }
            fields.values_mut().for_each(name_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(name_formats),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

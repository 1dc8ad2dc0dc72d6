//! One method for each route. Those that change something say so in their first word.

use super::{Client, Error, answer, exchange, read};
use crate::body::v1::{
    ApproveRequest, CensusBody, ChannelBody, ChannelRequest, Channels, CheckBody, CohortBody,
    CohortRequest, Cohorts, DeadEndRequest, DeadEnds, EditBody, EnrollmentOpened, Enrollments,
    EventLine, EvidenceBody, ExplanationBody, FreezeBody, FreezeRequest, Freezes, MeBody,
    MemberPage, OpenEnrollment, OverviewBody, PauseRequest, ProductBody, Products, PromoteRequest,
    PromotedBody, PublishRequest, Ready, Reasoned, ReleaseBody, Releases, RenewRequest,
    RollbackBody, RolloutBody, RolloutList, RootBody, StonesRequest, Stored, TokenMade,
    TokenRequest, Tokens,
};
use reqwest::{Method, RequestBuilder, header};

/// How a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanFormat {
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

/// Which devices of a rollout's cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members<'a> {
    /// Those in this bucket; in any if absent.
    pub bucket: Option<&'a str>,
    /// Those that this selects, RSQL; all if absent.
    pub query: Option<&'a str>,
    /// The `next` of the page before.
    pub after: Option<&'a str>,
    /// Most devices of the page, 500 at most.
    pub limit: u32,
}

impl PlanFormat {
    /// The format of a text: JSON starts with a brace.
    pub fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') { Self::Json } else { Self::Toml }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Toml => "application/toml",
            Self::Json => "application/json",
        }
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty =
        $method:ident($doing:literal, $($call:expr),+);)*) => {
        impl Client {
            $($(#[$doc])*
            ///
            /// # Errors
            /// [`Error`].
            pub async fn $name(&self $(, $arg: $kind)*) -> Result<$answer, Error> {
                self.$method($doing, $($call),+).await
            })*
        }
    };
}

pub(super) use calls;

calls! {
    /// Whether requests can be served.
    ready() -> Ready = get("ask whether it is ready", &["readyz"], &[]);
    /// How everything stands, in one answer.
    overview() -> OverviewBody = get("read the overview", &["v1", "overview"], &[]);
    /// Devices by two attributes, such as `model` and `version`.
    census(row: &str, column: &str) -> CensusBody =
        get("read the census", &["v1", "census"], &[("row", row), ("column", column)]);
    /// Who asks, and what they may.
    me() -> MeBody = get("ask who this is", &["v1", "me"], &[]);
    /// Stores a root document, base64.
    store_root(root: &RootBody) -> Stored =
        send("store a root document", Method::PUT, &["v1", "root"], root);
    /// The newest root document.
    newest_root() -> RootBody = get("read the root document", &["v1", "root"], &[]);
    /// The root document of a version.
    root(version: u64) -> RootBody =
        get("read a root document", &["v1", "roots", &version.to_string()], &[]);
    /// A product: its next counter, its releases, what to go back to.
    product(product: &str) -> ProductBody =
        get("read a product", &["v1", "products", product], &[]);
    /// Publishes a release. Its images must have been uploaded.
    publish(release: &PublishRequest) -> ReleaseBody =
        send("publish a release", Method::POST, &["v1", "releases"], release);
    /// A release, such as `vacuum@2.4.1`.
    release(id: &str) -> ReleaseBody = get("read a release", &["v1", "releases", id], &[]);
    /// Lets manifests of a release live longer.
    renew(id: &str, asked: &RenewRequest) -> ReleaseBody =
        send("renew a release", Method::POST, &["v1", "releases", id, "renew"], asked);
    /// Withdraws a release.
    withdraw(id: &str, reason: &str) -> ReleaseBody = send(
        "withdraw a release",
        Method::POST,
        &["v1", "releases", id, "withdraw"],
        &Reasoned { reason: reason.into() }
    );
    /// Names the models that must pass through a release, and no others.
    set_stones(id: &str, asked: &StonesRequest) -> ReleaseBody = send(
        "set stepping stones",
        Method::PUT,
        &["v1", "releases", id, "stones"],
        asked
    );
    /// Declares a dead end, or lifts it.
    set_dead_end(product: &str, asked: &DeadEndRequest) -> Stored = send(
        "set a dead end",
        Method::PUT,
        &["v1", "products", product, "dead-ends"],
        asked
    );
    /// A channel of a product.
    channel(product: &str, channel: &str) -> ChannelBody =
        get("read a channel", &["v1", "products", product, "channels", channel], &[]);
    /// Gives a channel a plan.
    set_channel(product: &str, channel: &str, asked: &ChannelRequest) -> ChannelBody = send(
        "set a channel",
        Method::PUT,
        &["v1", "products", product, "channels", channel],
        asked
    );
    /// Carries a release to a channel; twice is once.
    promote(id: &str, channel: &str) -> PromotedBody = send(
        "promote a release",
        Method::POST,
        &["v1", "releases", id, "promote"],
        &PromoteRequest { to: channel.into() }
    );
    /// Gives a cohort's name a meaning.
    define_cohort(name: &str, meaning: &CohortRequest) -> CohortBody =
        send("define a cohort", Method::PUT, &["v1", "cohorts", name], meaning);
    /// A named cohort.
    cohort(name: &str) -> CohortBody = get("read a cohort", &["v1", "cohorts", name], &[]);
    /// Freezes of the fleet.
    freezes() -> Freezes = get("list freezes", &["v1", "freezes"], &[]);
    /// Sets a freeze of the fleet.
    set_freeze(name: &str, asked: &FreezeRequest) -> FreezeBody =
        send("set a freeze", Method::PUT, &["v1", "freezes", name], asked);
    /// Lets devices enroll.
    open_enrollment(asked: &OpenEnrollment) -> EnrollmentOpened =
        send("open an enrollment", Method::POST, &["v1", "enrollments"], asked);
    /// A rollout.
    rollout(id: &str) -> RolloutBody = get("read a rollout", &["v1", "rollouts", id], &[]);
    /// How the evidence of a rollout went.
    evidence(id: &str) -> EvidenceBody =
        get("read the evidence of a rollout", &["v1", "rollouts", id, "evidence"], &[]);
    /// Why a device has, or has not, what a rollout installs.
    explain(rollout: &str, device: &str) -> ExplanationBody =
        get("explain a device", &["v1", "rollouts", rollout, "devices", device], &[]);
    /// Starts a draft.
    start(id: &str) -> RolloutBody = post("start a rollout", &["v1", "rollouts", id, "start"]);
    /// Pauses a rollout.
    pause(id: &str, asked: &PauseRequest) -> RolloutBody =
        send("pause a rollout", Method::POST, &["v1", "rollouts", id, "pause"], asked);
    /// Resumes a rollout; after a halt, the second person to ask does.
    resume(id: &str) -> RolloutBody = post("resume a rollout", &["v1", "rollouts", id, "resume"]);
    /// Opens the next rung without waiting for reach, quiet or bake time.
    advance(id: &str) -> RolloutBody =
        post("advance a rollout", &["v1", "rollouts", id, "advance"]);
    /// Approves a rung, such as `25%`.
    approve(id: &str, rung: &str) -> RolloutBody = send(
        "approve a rung",
        Method::POST,
        &["v1", "rollouts", id, "approve"],
        &ApproveRequest { rung: rung.into(), no_return: false }
    );
    /// Agrees that a rung takes the way back away, which others than the author must.
    approve_no_return(id: &str, rung: &str) -> RolloutBody = send(
        "agree to the end of the way back",
        Method::POST,
        &["v1", "rollouts", id, "approve"],
        &ApproveRequest { rung: rung.into(), no_return: true }
    );
    /// Halts a rollout: no permit until two people resume it.
    halt(id: &str, reason: &str) -> RolloutBody = send(
        "halt a rollout",
        Method::POST,
        &["v1", "rollouts", id, "halt"],
        &Reasoned { reason: reason.into() }
    );
    /// Ends a rollout.
    cancel(id: &str) -> RolloutBody = post("cancel a rollout", &["v1", "rollouts", id, "cancel"]);
    /// Drafts the way back of a rollout. The draft waits to be started.
    rollback(id: &str) -> RollbackBody =
        post("roll a rollout back", &["v1", "rollouts", id, "rollback"]);
    /// Makes a token; its text is in this answer alone.
    make_token(asked: &TokenRequest) -> TokenMade =
        send("make a token", Method::POST, &["v1", "tokens"], asked);
}

/// Asks for one page after the other, and makes one of them all.
macro_rules! all_pages {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $kind:ty),*) -> $page:ty { $items:ident } =
        $doing:literal, $path:expr;)*) => {
        impl Client {
            $($(#[$doc])*
            ///
            /// # Errors
            /// [`Error`].
            pub async fn $name(&self $(, $arg: $kind)*) -> Result<$page, Error> {
                let mut all: $page = self.get($doing, $path, &[]).await?;
                while let Some(after) = all.next.take() {
                    let page: $page = self.get($doing, $path, &[("after", &after)]).await?;
                    all.$items.extend(page.$items);
                    // A server that names the same place again would be asked for ever.
                    all.next = page.next.filter(|next| *next != after);
                }
                Ok(all)
            })*
        }
    };
}

all_pages! {
    /// All products, by name.
    products() -> Products { products } = "list products", &["v1", "products"];
    /// All channels of a product, each behind the one it follows.
    channels(product: &str) -> Channels { channels } =
        "list channels", &["v1", "products", product, "channels"];
    /// All dead ends of a product, by model.
    dead_ends(product: &str) -> DeadEnds { dead_ends } =
        "list dead ends", &["v1", "products", product, "dead-ends"];
    /// All named cohorts, by name, without their members' ids.
    cohorts() -> Cohorts { cohorts } = "list cohorts", &["v1", "cohorts"];
    /// All releases, by product and version.
    releases() -> Releases { releases } = "list releases", &["v1", "releases"];
    /// All rollouts, oldest first.
    rollouts() -> RolloutList { rollouts } = "list rollouts", &["v1", "rollouts"];
    /// Tokens in force, without their texts.
    tokens() -> Tokens { tokens } = "list tokens", &["v1", "tokens"];
    /// Enrollments in force, without their tokens' texts.
    enrollments() -> Enrollments { enrollments } = "list enrollments", &["v1", "enrollments"];
}

impl Client {
    /// A page of the devices of a rollout's cohort, by id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn members(&self, rollout: &str, asked: &Members<'_>) -> Result<MemberPage, Error> {
        let limit = asked.limit.to_string();
        let Members { bucket, query, after, .. } = *asked;
        let asked = [("bucket", bucket), ("query", query), ("after", after)];
        let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let asked: Vec<_> = asked.chain([("limit", limit.as_str())]).collect();
        let path = ["v1", "rollouts", rollout, "devices"];
        self.get("list the devices of a rollout", &path, &asked).await
    }

    /// Removes a channel that none follows.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove_channel(&self, product: &str, channel: &str) -> Result<(), Error> {
        let path = ["v1", "products", product, "channels", channel];
        let request = self.request(Method::DELETE, &path, &[]);
        exchange("remove a channel", request).await.map(|_| ())
    }

    /// Lifts a freeze of the fleet.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn lift_freeze(&self, name: &str) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["v1", "freezes", name], &[]);
        exchange("lift a freeze", request).await.map(|_| ())
    }

    /// Checks a plan without effect.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn check(&self, plan: &str) -> Result<CheckBody, Error> {
        self.plan("check a plan", plan, &[("dry_run", "true")]).await
    }

    /// Drafts a rollout. With an `id` (a UUID) of the caller's, twice is once.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create(&self, plan: &str, id: Option<&str>) -> Result<RolloutBody, Error> {
        let query: Vec<_> = id.map(|id| ("id", id)).into_iter().collect();
        self.plan("draft a rollout", plan, &query).await
    }

    async fn plan<T: serde::de::DeserializeOwned>(
        &self,
        doing: &'static str,
        plan: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let request = self
            .request(Method::POST, &["v1", "rollouts"], query)
            .header(header::CONTENT_TYPE, PlanFormat::of(plan).media_type())
            .body(plan.to_owned());
        answer(doing, request).await
    }

    /// What changing a rollout's plan would do. Without effect.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn edit_check(&self, rollout: &str, plan: &str) -> Result<EditBody, Error> {
        answer("check a change", self.changed(rollout, plan, &[("dry_run", "true")])).await
    }

    /// Changes a rollout's plan. Twice is once.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn edit(&self, rollout: &str, plan: &str) -> Result<RolloutBody, Error> {
        answer("change a plan", self.changed(rollout, plan, &[])).await
    }

    fn changed(&self, rollout: &str, plan: &str, query: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::PUT, &["v1", "rollouts", rollout, "plan"], query)
            .header(header::CONTENT_TYPE, PlanFormat::of(plan).media_type())
            .body(plan.to_owned())
    }

    /// Revokes a token by its public id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn revoke_token(&self, id: &str) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["v1", "tokens", id], &[]);
        exchange("revoke a token", request).await.map(|_| ())
    }

    /// Entries of the journal after `after`, at most `limit` (1000).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn events(&self, after: u64, limit: u32) -> Result<Vec<EventLine>, Error> {
        let (doing, after, limit) = ("read events", after.to_string(), limit.to_string());
        let query = [("after", after.as_str()), ("limit", limit.as_str())];
        let request = self.request(Method::GET, &["v1", "events"], &query);
        let bytes = read(doing, exchange(doing, request).await?).await?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let parsed = lines.map(serde_json::from_slice).collect::<Result<_, _>>();
        parsed.map_err(|source| Error::Answer { doing, source })
    }
}

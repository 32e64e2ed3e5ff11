"""The one catalogue of refusals: code → status → text.

Domain code raises `Refusal(code, **details)` and knows no HTTP; the gateway renders it with
`render`. Texts are what clients match; `{…}` are details.
"""

import msgspec


class Refusal(Exception):
    """A request that cannot be granted. `details` fill the text of the catalogue."""

    def __init__(self, code: str, **details: object) -> None:
        if code not in ERRORS:
            raise KeyError(f"unknown error code {code}")
        self.code = code
        self.details = {k: str(v) for k, v in details.items()}
        super().__init__(f"{code} {self.details}")


class ErrorSpec(msgspec.Struct, frozen=True):
    status: int
    text: str
    key: str = "message"  # the body's key: most refusals `message`, two of them `detail`
    retry_after: int | None = None


ERRORS: dict[str, ErrorSpec] = {
    "AllocationWindowClosed": ErrorSpec(
        403, "This action is available only during the allocation window."
    ),
    "EpochsNotFound": ErrorSpec(404, "Epochs not found in Subgraph"),
    "InvalidEpoch": ErrorSpec(400, "Given epoch is not valid."),
    "EpochNotIndexed": ErrorSpec(400, "Epoch {epoch} has not yet been indexed in the Graph."),
    "EpochNotStartedYet": ErrorSpec(400, "Given epoch has not yet started."),
    "NotImplementedForGivenEpochState": ErrorSpec(
        400, "Functionality is not implemented for given epoch state"
    ),
    "EmptyAllocations": ErrorSpec(400, "Passed empty or zeroed allocations"),
    "WrongAllocationsNonce": ErrorSpec(
        400,
        "Attempt to use wrong value of nonce ({used} instead of {expected}) "
        "when signing allocations",
    ),
    "NotAllowedInPatronMode": ErrorSpec(
        403, "This action is not allowed in patron mode; user address: {user}"
    ),
    "BudgetNotFound": ErrorSpec(404, "User {user} does not have a budget for epoch {epoch}"),
    "RewardsBudgetExceeded": ErrorSpec(
        400, "You cannot allocate more funds than your rewards budget."
    ),
    "ProjectAllocationToSelf": ErrorSpec(400, "You cannot allocate funds to your own project."),
    "InvalidProjects": ErrorSpec(400, "The following projects are not valid: {projects}"),
    "DuplicatedProjects": ErrorSpec(
        400, "The following projects are duplicated in the payload: {projects}"
    ),
    "InvalidSignature": ErrorSpec(
        400, "Given signature {signature} is invalid or does not belong to {user}"
    ),
    "InvalidCursor": ErrorSpec(400, "Invalid cursor"),
    "HistoryUnavailable": ErrorSpec(503, "History is temporarily unavailable", retry_after=1),
    "InvalidProjectDetailsInput": ErrorSpec(400, "Invalid input for projects details"),
    "GlmClaimDisabled": ErrorSpec(403, "GLM claiming is disabled"),
    "NotEligibleToClaimGLM": ErrorSpec(
        403, "User with address: {user} is not eligible to claim GLMs."
    ),
    "GlmClaimed": ErrorSpec(400, "User with address: {user} has already claimed GLMs."),
    "EffectiveDepositNotFound": ErrorSpec(
        400, "The effective deposit for a user {user} in the epoch {epoch} is not found"
    ),
    "PendingSnapshotMissing": ErrorSpec(400, "Pending snapshot is missing! We need it here"),
    "SimulationOutsideWindow": ErrorSpec(
        400, "Possible only in open allocation window", key="detail"
    ),
    "SimulationWithoutSnapshot": ErrorSpec(
        400, "Pending snapshot is missing! We need it here", key="detail"
    ),
    "MissingSnapshot": ErrorSpec(
        500,
        "No snapshot has been taken. Try calling /snapshot/pending or /snapshot/finalized endpoint",
    ),
    "InvalidMatchedRewardsStrategy": ErrorSpec(
        500, "Can't calculate matched rewards when locked ratio is greater than TR percent"
    ),
    "SnapshotTooEarly": ErrorSpec(
        409, "The snapshot of epoch {epoch} cannot be taken yet: {reason}", retry_after=1
    ),
    "GPStampsNotFound": ErrorSpec(
        404,
        "GP Stamps not found for user or the user does not exist, try fetching them first",
    ),
    "UserNotFound": ErrorSpec(404, "User with address {user} not found"),
    "DuplicateConsent": ErrorSpec(
        400, "Given user {user} has already accepted the Terms of Service"
    ),
    "XRealIpHeaderMissing": ErrorSpec(400, "X-Real-IP header is missing"),
    "AddressAlreadyDelegated": ErrorSpec(400, "Address is already used for delegation"),
    "DelegationAlreadyExists": ErrorSpec(400, "Delegation already exists"),
    "DelegationDoesNotExist": ErrorSpec(400, "Delegation does not exists"),
    "DelegationCheckWrongParams": ErrorSpec(
        400, "Please specify at least 2 and not more than 10 addresses"
    ),
    "AntisybilScoreTooLow": ErrorSpec(400, "Antisybil score {score} is lower then {minimum}"),
    "InvalidDelegationRequest": ErrorSpec(400, "Invalid delegation request"),
    "InvalidDelegationForLockingAddress": ErrorSpec(400, "Secondary address cannot lock any GLMs"),
    "InvalidRecalculationRequest": ErrorSpec(400, "Invalid recalculation request"),
    "InvalidMultisigSignatureRequest": ErrorSpec(
        400, "Given multisig signature request failed validation"
    ),
    "InvalidMultisigAddress": ErrorSpec(403, "Given multisig address is invalid"),
    "InvalidAddressFormat": ErrorSpec(400, "Invalid address format"),
    "UpstreamNotFound": ErrorSpec(404, "Request to an external service failed."),
    "UpstreamFailed": ErrorSpec(502, "Request to an external service failed."),
    "UpstreamTimeout": ErrorSpec(504, "Request to an external service failed."),
    "BodyTooLarge": ErrorSpec(413, "The request body is larger than {limit} bytes; send less."),
    "BodyTooSlow": ErrorSpec(
        408, "The request body did not arrive within {limit} seconds; send it again."
    ),
    "TargetTooLong": ErrorSpec(
        414, "The path with its query is longer than {limit} bytes; ask for less at once."
    ),
    "HeadersTooLarge": ErrorSpec(
        431, "The request has more than {limit} {unit} of headers; send fewer or shorter ones."
    ),
    "TooManyRequests": ErrorSpec(
        429, "Too many requests from your address; try again in {retry_after} seconds."
    ),
    "CoolingDown": ErrorSpec(
        429, "This has just been asked for {user}; try again in {retry_after} seconds."
    ),
    "ServiceUnavailable": ErrorSpec(
        503, "The {service} service does not answer at the moment; try again.", retry_after=1
    ),
    "NotLoadedYet": ErrorSpec(
        503, "{what} is not loaded yet; try again in a moment.", retry_after=1
    ),
    "InternalError": ErrorSpec(500, "Internal server error"),
}


def render(refusal: Refusal) -> tuple[int, dict[str, str], int | None]:
    """Status, body and Retry-After of a refusal."""
    spec = ERRORS[refusal.code]
    details = {k: refusal.details.get(k, "") for k in _fields(spec.text)}
    told = refusal.details.get("retry_after")  # by who knows when; text, as every detail
    retry_after = spec.retry_after if told is None else int(told)
    return spec.status, {spec.key: spec.text.format(**details)}, retry_after


def _fields(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]

"""Cases of users, delegation and multisig for `test_gateway_operations`."""

from decimal import Decimal

from octant_contracts import calls
from octant_contracts.calls import AllocationInput, Nothing, OfUser, OfUserEpoch
from octant_contracts.values import Address, Hex, Wei

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
BOB = "0x6Cd55A7451f05131c8Fee765875ee6ecACB8E7f3"
PROJECT = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
USER, OTHER = Address.parse(ALICE), Address.parse(BOB)
IP = "192.0.2.1"
TOS = f"/user/{ALICE}/tos"
PENDING = f"/multisig-signatures/pending/{ALICE}/type"
PAIR = {
    "primaryAddr": ALICE.lower(),
    "secondaryAddr": BOB,
    "primaryAddrSignature": "0x1",
    "secondaryAddrSignature": "0x2",
}
SNAKE_PAIR = {
    "primary_address": ALICE,
    "secondary_address": BOB,
    "primary_signature": "0x1",
    "secondary_signature": "0x2",
}
GIFT = {
    "payload": {"allocations": [{"proposalAddress": PROJECT, "amount": "7"}], "nonce": 2},
    "isManuallyEdited": True,
}
DELEGATION = calls.DelegationPair(primary=USER, secondary=OTHER)
DELEGATE = calls.DelegateScore(
    primary=USER, secondary=OTHER, primary_signature="0x1", secondary_signature="0x2"
)
STATUS = calls.AntisybilStatus(
    status="Known", score="12.114456", expires_at="1795404664", is_on_time_out_list=False
)

# method, path, body, call, expected request, answer, status, expected JSON
CASES = [
    ("GET", TOS, None, calls.CONSENT, OfUser(USER), calls.Consent(False), 200,
     {"accepted": False}),
    ("POST", TOS, {"signature": "0xabc"}, calls.ACCEPT_TERMS,
     calls.AcceptTerms(user=USER, signature="0xabc", ip=IP), calls.Consent(True), 201,
     {"accepted": True}),
    ("GET", "/user/patrons/3", None, calls.PATRONS, calls.PatronsRequest(epoch=3),
     calls.Patrons(patrons=[USER], next_cursor=None, as_of=4), 200, {"patrons": [ALICE]}),
    ("GET", f"/user/{ALICE}/antisybil-status", None, calls.ANTISYBIL_STATUS, OfUser(USER),
     calls.AntisybilAnswer(status=STATUS, stale_for=None), 200,
     {"status": "Known", "score": "12.114456", "expiresAt": "1795404664",
      "isOnTimeOutList": False}),
    ("PUT", f"/user/{ALICE}/antisybil-status", None, calls.REFRESH_ANTISYBIL, OfUser(USER),
     Nothing(), 204, None),
    ("GET", f"/user/{ALICE}/uq/4", None, calls.UNIQUENESS_QUOTIENT, OfUserEpoch(USER, 4),
     calls.UniquenessAnswer(
         quotient=calls.UniquenessQuotient(uniqueness_quotient=Decimal("0.01")), stale_for=None),
     200, {"uniquenessQuotient": "0.01"}),
    ("GET", "/user/uq/4/all", None, calls.QUOTIENTS, calls.QuotientsRequest(epoch=4),
     calls.Quotients(
         uqs_info=[calls.UserQuotient(user_address=USER, uniqueness_quotient=Decimal("1.0"))],
         next_cursor=None, as_of=0), 200,
     {"uqsInfo": [{"userAddress": ALICE, "uniquenessQuotient": "1.0"}]}),
    ("POST", "/delegation/delegate", PAIR, calls.DELEGATE_SCORE, DELEGATE, Nothing(), 201, None),
    ("POST", "/delegation/delegate", SNAKE_PAIR, calls.DELEGATE_SCORE, DELEGATE, Nothing(), 201,
     None),
    ("PUT", "/delegation/recalculate", PAIR, calls.RECALCULATE_SCORE, DELEGATION, Nothing(), 204,
     None),
    ("GET", f"/delegation/check/{BOB},{ALICE.lower()[2:]}", None, calls.FIND_DELEGATION,
     calls.AmongAddresses([OTHER, USER]), DELEGATION, 200, {"primary": ALICE, "secondary": BOB}),
    ("GET", f"{PENDING}/tos", None, calls.PENDING_MULTISIG, calls.OfUserType(USER, "tos"),
     calls.PendingMultisig(message=None, hash=None), 200, {"message": None, "hash": None}),
    ("GET", f"{PENDING}/allocation", None, calls.PENDING_MULTISIG,
     calls.OfUserType(USER, "allocation"),
     calls.PendingMultisig(message="{}", hash=Hex(b"\xab" * 32)), 200,
     {"message": "{}", "hash": "0x" + "ab" * 32}),
    ("POST", f"{PENDING}/tos", {"message": "I agree"}, calls.REGISTER_MULTISIG,
     calls.RegisterMultisig(user=USER, type="tos", message="I agree", payload=None, ip=IP),
     Nothing(), 201, None),
    ("POST", f"{PENDING}/allocation", {"message": GIFT}, calls.REGISTER_MULTISIG,
     calls.RegisterMultisig(
         user=USER, type="allocation", message=None, ip=IP,
         payload=calls.MultisigPayload(
             allocations=[AllocationInput(Address.parse(PROJECT), Wei(7))], nonce=Wei(2),
             is_manually_edited=True)),
     Nothing(), 201, None),
    ("PATCH", "/multisig-signatures/pending/approve", None, calls.APPROVE_MULTISIGS, Nothing(),
     Nothing(), 204, None),
]  # fmt: skip

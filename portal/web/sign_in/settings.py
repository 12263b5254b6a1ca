"""What Flask-Security is told: where its pages are, how long things hold, and what it says."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from hmac import digest
from typing import Any

WRONG = "E-mail or password is wrong. Check both and try again."
WRONG_CODE = "This code is wrong or has already been used. Wait for the next one and enter that."
STARTED_AGAIN = "Signing in took too long. Start again."

SECURITY: Mapping[str, Any] = {
    "SECURITY_API_ENABLED_METHODS": ["session"],
    "SECURITY_PASSWORD_HASH": "argon2",
    "SECURITY_PASSWORD_SINGLE_HASH": {"argon2", "plaintext"},
    "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
    "SECURITY_EMAIL_HTML": False,
    "SECURITY_RETURN_GENERIC_RESPONSES": True,
    "SECURITY_STATIC_FOLDER": None,
    "SECURITY_CACHE_CONTROL": {},  # theirs says `no-store=True`, which no browser knows; ours says it on every page
    "SECURITY_TRACKABLE": True,
    # Where the pages are, and where they lead.
    "SECURITY_POST_LOGIN_VIEW": "/",
    "SECURITY_POST_LOGOUT_VIEW": "/login",
    "SECURITY_POST_CHANGE_VIEW": "account.show",
    "SECURITY_POST_VERIFY_VIEW": "account.show",
    "SECURITY_CHANGE_URL": "/account/password",
    "SECURITY_VERIFY_URL": "/account/verify",
    "SECURITY_TWO_FACTOR_SETUP_URL": "/account/second-factor",
    "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": "account.show",
    "SECURITY_TWO_FACTOR_TOKEN_VALIDATION_URL": "/login/code",
    "SECURITY_TWO_FACTOR_RESCUE_URL": "/login/rescue",
    "SECURITY_TWO_FACTOR_SELECT_URL": "/login/select",
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES_URL": "/account/backup-codes",
    "SECURITY_MULTI_FACTOR_RECOVERY_URL": "/login/backup-code",
    "SECURITY_WAN_REGISTER_URL": "/account/passkeys",
    "SECURITY_WAN_POST_REGISTER_VIEW": "account.show",
    "SECURITY_WAN_DELETE_URL": "/account/passkeys/delete",
    "SECURITY_WAN_SIGNIN_URL": "/login/passkey",
    "SECURITY_WAN_VERIFY_URL": "/account/verify/passkey",
    # What there is, and how long it holds.
    "SECURITY_CHANGEABLE": True,
    "SECURITY_RECOVERABLE": True,
    "SECURITY_RESET_PASSWORD_WITHIN": timedelta(hours=2),
    "SECURITY_TWO_FACTOR": True,
    "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
    "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES_N": 8,
    "SECURITY_WEBAUTHN": True,
    "SECURITY_WAN_ALLOW_USER_HINTS": False,
    "SECURITY_WAN_ALLOW_AS_VERIFY": ["first"],
    "SECURITY_FRESHNESS": timedelta(minutes=15),
    "SECURITY_FRESHNESS_GRACE_PERIOD": timedelta(minutes=15),
    # What is said.
    "SECURITY_EMAIL_SUBJECT_PASSWORD_RESET": "Choose a new password",
    "SECURITY_EMAIL_SUBJECT_PASSWORD_NOTICE": "Your password was reset",
    "SECURITY_EMAIL_SUBJECT_PASSWORD_CHANGE_NOTICE": "Your password was changed",
    "SECURITY_MSG_API_ERROR": ("This could not be read. Start again.", "error"),
    "SECURITY_MSG_GENERIC_AUTHN_FAILED": (WRONG, "error"),
    "SECURITY_MSG_INVALID_PASSWORD": ("The password is wrong.", "error"),
    "SECURITY_MSG_PASSWORD_NOT_PROVIDED": ("Enter a password.", "error"),
    "SECURITY_MSG_RETYPE_PASSWORD_MISMATCH": ("The passwords do not match. Type it again.", "error"),
    "SECURITY_MSG_PASSWORD_IS_THE_SAME": ("This is your current password. Choose another.", "error"),
    "SECURITY_MSG_PASSWORD_CHANGE": ("Your password is changed. You are signed out everywhere else.", "info"),
    "SECURITY_MSG_PASSWORD_RESET_NO_LOGIN": ("Your password is changed. Sign in with it.", "info"),
    "SECURITY_MSG_PASSWORD_RESET_EXPIRED": ("This link is no longer valid. Ask for a new one.", "error"),
    "SECURITY_MSG_INVALID_RESET_PASSWORD_TOKEN": (
        "This link is no longer valid. Ask for a new one.",
        "error",
    ),
    "SECURITY_MSG_REAUTHENTICATION_REQUIRED": ("To continue, confirm that it is you.", "info"),
    "SECURITY_MSG_REAUTHENTICATION_SUCCESSFUL": ("Thank you. Continue where you were.", "info"),
    "SECURITY_MSG_TWO_FACTOR_INVALID_TOKEN": (WRONG_CODE, "error"),
    "SECURITY_MSG_TWO_FACTOR_LOGIN_SUCCESSFUL": ("You are signed in.", "info"),
    "SECURITY_MSG_TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (
        "From now on you need a code to sign in. Create backup codes next.",
        "info",
    ),
    "SECURITY_MSG_TWO_FACTOR_DISABLED": ("You no longer need a code to sign in.", "info"),
    "SECURITY_MSG_TWO_FACTOR_PERMISSION_DENIED": (STARTED_AGAIN, "error"),
    "SECURITY_MSG_TWO_FACTOR_SETUP_EXPIRED": ("This took too long. Start again.", "error"),
    "SECURITY_MSG_INVALID_RECOVERY_CODE": ("This is not one of your remaining backup codes.", "error"),
    "SECURITY_MSG_WEBAUTHN_EXPIRED": ("This took too long. Start again.", "error"),
    "SECURITY_MSG_WEBAUTHN_NAME_REQUIRED": ("Enter a name for the passkey.", "error"),
    "SECURITY_MSG_WEBAUTHN_NAME_INUSE": (
        "You already have a passkey with that name. Choose another name.",
        "error",
    ),
    "SECURITY_MSG_WEBAUTHN_NAME_NOT_FOUND": ("You have no passkey with that name.", "error"),
    "SECURITY_MSG_WEBAUTHN_NAME_DISALLOWED_CHARACTERS": (
        "A name can contain letters, digits, spaces, - and _.",
        "error",
    ),
    "SECURITY_MSG_INVALID_INPUT_LENGTH": ("A name can have %(length)d characters at most.", "error"),
    "SECURITY_MSG_WEBAUTHN_CREDENTIAL_DELETED": ("Deleted the passkey %(name)s.", "info"),
    "SECURITY_MSG_WEBAUTHN_REGISTER_SUCCESSFUL": ("You can now sign in with %(name)s.", "info"),
    "SECURITY_MSG_WEBAUTHN_CREDENTIAL_ID_INUSE": ("This passkey is in use already.", "error"),
    "SECURITY_MSG_WEBAUTHN_UNKNOWN_CREDENTIAL_ID": ("The portal does not know this passkey.", "error"),
    "SECURITY_MSG_WEBAUTHN_ORPHAN_CREDENTIAL_ID": ("The portal does not know this passkey.", "error"),
    "SECURITY_MSG_WEBAUTHN_MISMATCH_USER_HANDLE": ("This passkey belongs to somebody else.", "error"),
    "SECURITY_MSG_WEBAUTHN_CREDENTIAL_WRONG_USAGE": ("The portal does not know this passkey.", "error"),
    "SECURITY_MSG_WEBAUTHN_NO_VERIFY": ("The passkey could not be checked. Try again.", "error"),
    "SECURITY_MSG_DISABLED_ACCOUNT": ("The portal does not know this passkey.", "error"),
}


def secrets_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What encrypts second factors and backup codes: made from the secret key, and readable with old ones."""
    keys = [config["SECRET_KEY"], *(config["OLD_SECRET_KEYS"] or [])]
    return {
        "SECURITY_PASSWORD_SALT": _derived(keys[0], "passwords").hex(),
        "SECURITY_TOTP_SECRETS": {
            "k" + sha256(key.encode()).hexdigest()[:8]: _derived(key, "second factors").hex() for key in keys
        },
        "SECURITY_TOTP_ISSUER": "Portal",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS": [
            urlsafe_b64encode(_derived(key, "backup codes")) for key in keys
        ],
    }


def _derived(key: str, purpose: str) -> bytes:
    return digest(key.encode(), purpose.encode(), "sha256")

"""CAMT.053 and its like (ISO 20022): statements of a bank as XML, whatever version and namespace.

Entities, document types and the network are never followed; what is not booked yet is passed over and counted.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from lxml import etree

from portal.domain.bank_files.statement import Kind, Line, Statement
from portal.domain.bank_files.words import RETURN_CODES, kind_of, method_of
from portal.domain.errors import Invalid
from portal.domain.money import parse_decimal

STATEMENTS = ("Stmt", "Rpt", "Ntfctn")
DAMAGED = "The file is XML, but damaged: it ends in the middle, or a part of it is missing."
DOCTYPE = "This XML file declares a document type. Banks send none, so it is not read."
NO_STATEMENT = "This is XML, but no bank statement (CAMT.053). Choose a statement, or export it as CSV."
# Families of ISO 20022: what was collected, what came back, what the bank took.
COLLECTED, CARDS, CHEQUES = {"IDDT", "RDDT"}, {"CCRD", "MCRD"}, {"ICHQ", "RCHQ"}
RETURNS = {"UPDD", "UPCT", "RRTN", "UPCQ", "RPCR", "PRDD", "CDCB"}
FEES = {"CHRG", "COMM", "FEES", "COME", "COMI", "COMT"}


def is_camt(begin: str) -> bool:
    """Whether a text begins as such a file does."""
    return "BkToCstmr" in begin or ("camt.05" in begin and "<" in begin)


def read_camt(content: bytes) -> list[Statement]:
    """The statements of a file. Invalid, with a sentence, where it is none."""
    if b"<!DOCTYPE" in content.replace(b"\0", b""):
        raise Invalid("file", DOCTYPE)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Invalid("file", DAMAGED) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Invalid("file", DOCTYPE)
    found = [node for name in STATEMENTS for node in root.iter(f"{{*}}{name}") if _all(node, "Acct")]
    if not found:
        raise Invalid("file", NO_STATEMENT)
    return [_statement(node) for node in found]


def _statement(node: etree._Element) -> Statement:
    account = _text(node, "Acct/Id/IBAN") or _text(node, "Acct/Id/Othr/Id")
    currency = _text(node, "Acct/Ccy") or _currency(node)
    balances = {_text(one, "Tp/CdOrPrtry/Cd"): _signed(one) for one in _all(node, "Bal")}
    lines: list[Line] = []
    passed_over = 0
    for entry in _all(node, "Ntry"):
        if (_text(entry, "Sts/Cd") or _text(entry, "Sts") or "BOOK") != "BOOK":
            passed_over += 1
            continue
        lines.extend(_lines(entry, currency))
    return Statement(
        account,
        currency,
        tuple(lines),
        balances.get("OPBD", balances.get("PRCD")),
        balances.get("CLBD"),
        _text(node, "ElctrncSeqNb") or _text(node, "LglSeqNb") or _text(node, "Id"),
        passed_over,
    )


def _lines(entry: etree._Element, currency: str) -> Iterator[Line]:
    """The lines of an entry: of a batch one for each transaction, where these add up to it."""
    whole, details = _signed(entry), _all(entry, "NtryDtls/TxDtls")
    said = _attribute(entry, "Amt", "Ccy") or currency
    if said != currency:
        raise Invalid(
            "file", f"An entry is in {said}, the account in {currency}. Such a file cannot be read."
        )
    line = _line(entry, details[0] if len(details) == 1 else None, whole)
    if len(details) < 2:
        yield line
        return
    parts = [_amount_of(one, currency) for one in details]
    # A batch that does not say its parts, or says them without the bank's fee, is one line.
    if None in parts or sum(filter(None, parts)) != abs(whole):
        kind = Kind.BATCH if whole > 0 else line.kind
        yield replace(
            line, kind=kind, text=" ".join(filter(None, (line.text, *(_words(one) for one in details))))
        )
        return
    for one, amount in zip(details, parts, strict=True):
        assert amount is not None
        yield _line(entry, one, amount if whole > 0 else -amount)


def _line(entry: etree._Element, one: etree._Element | None, amount: Decimal) -> Line:
    code = _codes(entry, one)
    said = " ".join(filter(None, (_text(entry, "AddtlNtryInf"), _text(one, "AddtlTxInf"))))
    kind = _kind(entry, one, amount, said, code)
    side = "Dbtr" if amount > 0 or kind == Kind.RETURN else "Cdtr"
    parties = "RltdPties/"
    name = _text(one, f"{parties}{side}/Nm") or _text(one, f"{parties}{side}/Pty/Nm")
    account = f"{parties}{side}Acct/Id/"
    email = f"{parties}{side}/CtctDtls/EmailAdr"
    ultimate = _text(one, f"{parties}Ultmt{side}/Nm") or _text(one, f"{parties}Ultmt{side}/Pty/Nm")
    own = _text(one, "Refs/AcctSvcrRef") or (
        _text(entry, "AcctSvcrRef") if one is None or _is_only(entry) else ""
    )
    original = _decimal(_text(one, "AmtDtls/InstdAmt/Amt"))
    return Line(
        booked_on=_day(entry),
        amount=amount,
        kind=kind,
        name=name,
        account=_text(one, account + "IBAN") or _text(one, account + "Othr/Id"),
        text=" ".join(filter(None, (_words(one), ultimate))) or said,
        email=_text(one, email) or _text(one, email.replace(f"{side}/", f"{side}/Pty/")),
        bank_reference=own,
        references=tuple(filter(None, _references(one))),
        method=_method(said, code),
        returned=original if kind == Kind.RETURN and original and 0 < original < abs(amount) else None,
    )


def _kind(
    entry: etree._Element, one: etree._Element | None, amount: Decimal, said: str, code: set[str]
) -> Kind:
    name = _text(one, "RltdPties/Dbtr/Nm") or _text(one, "RltdPties/Dbtr/Pty/Nm")
    if amount < 0:
        came_back = _all(one, "RtrInf") or _text(entry, "RvslInd") == "true"
        if came_back or code & (RETURNS | RETURN_CODES):
            return Kind.RETURN
        if code & FEES:
            return Kind.FEE
    return kind_of(amount, said, name, next(iter(sorted(part for part in code if part.isdigit())), ""))


def _method(said: str, code: set[str]) -> str:
    for families, method in ((COLLECTED, "direct_debit"), (CARDS, "card"), (CHEQUES, "cheque")):
        if code & families:
            return method
    return method_of(said, next(iter(sorted(part for part in code if part.isdigit())), ""))


def _codes(entry: etree._Element, one: etree._Element | None) -> set[str]:
    """What the bank calls a transaction: family and sub-family, and the parts of its own code (NTRF+166+9249)."""
    found = set()
    for node in (entry, one):
        for path in ("BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd", "BkTxCd/Prtry/Cd"):
            first, _, rest = _text(node, path).partition("+")
            found |= {first, rest.partition("+")[0]}
    return found - {""}


def _references(one: etree._Element | None) -> Iterator[str]:
    for reference in _all(one, "RmtInf/Strd/CdtrRefInf/Ref"):
        yield reference.text or ""
    for path in ("Refs/EndToEndId", "Refs/MndtId", "Refs/TxId", "Refs/InstrId"):
        yield _text(one, path)


def _words(one: etree._Element | None) -> str:
    """What the payer wrote."""
    paths = ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/AddtlRmtInf", "RmtInf/Strd/RfrdDocInf/Nb",
             "RtrInf/AddtlInf", "RtrInf/Rsn/Cd")  # fmt: skip
    return " ".join(node.text.strip() for path in paths for node in _all(one, path) if node.text)


def _is_only(entry: etree._Element) -> bool:
    return len(_all(entry, "NtryDtls/TxDtls")) < 2


def _amount_of(one: etree._Element, currency: str) -> Decimal | None:
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        if _attribute(one, path, "Ccy") == currency:
            return _decimal(_text(one, path))
    return None


def _currency(node: etree._Element) -> str:
    found = next(iter(_all(node, "Bal/Amt") or _all(node, "Ntry/Amt")), None)
    return (found.get("Ccy") if found is not None else "") or ""


def _day(entry: etree._Element) -> date:
    text = next(
        filter(
            None, (_text(entry, f"{which}/{how}") for which in ("BookgDt", "ValDt") for how in ("Dt", "DtTm"))
        ),
        "",
    )
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Invalid("file", "An entry has no day on which it was booked.") from None


def _signed(node: etree._Element) -> Decimal:
    amount = _decimal(_text(node, "Amt"))
    if amount is None:
        raise Invalid("file", "An entry or a balance has no amount that can be read.")
    return -amount if _text(node, "CdtDbtInd") == "DBIT" else amount


def _decimal(text: str) -> Decimal | None:
    try:
        return parse_decimal(text) if text else None
    except ValueError:
        return None


def _all(node: etree._Element | None, path: str) -> list[etree._Element]:
    """The nodes at a path, whatever the namespace."""
    return [] if node is None else node.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def _text(node: etree._Element | None, path: str) -> str:
    found = _all(node, path)
    return (found[0].text or "").strip() if found else ""


def _attribute(node: etree._Element, path: str, name: str) -> str:
    found = _all(node, path)
    return (found[0].get(name) or "") if found else ""

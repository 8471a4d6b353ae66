"""The document from then on: the one that is given, or the present one with the orders carried out in it. Pure."""

from collections.abc import Sequence

from models.changes.orders import Orders, carried_out, reasons_against
from models.common.errors import BlockedError, Reason, RefusedError
from models.plan.document import PlanDocument


def document_after(before: PlanDocument, document: PlanDocument | None, orders: Orders) -> PlanDocument:
    """Raises RefusedError for what cannot be said so, BlockedError with every reason why it cannot be."""
    if document is None:
        refuse(reasons_against(before, orders))
        return carried_out(before, orders)
    if document.code != before.code:
        raise RefusedError("the files are of the plan {other}, not of {plan}", other=document.code, plan=before.code)
    old, new = ({unit.code for unit in one.units} for one in (before, document))
    ending = orders.successors.keys() & old
    reasons = [Reason("there is no unit {unit}", unit=unit) for unit in orders.successors if unit not in old]
    reasons += [Reason("{unit} ends, and the files still name it", unit=unit) for unit in sorted(ending & new)]
    reasons += [
        Reason("there is no unit {unit}", unit=unit)
        for unit in sorted({one for to in orders.successors.values() for one in to} - new)
    ]
    refuse(reasons)
    if orders.withdrawn:
        raise RefusedError("what is withdrawn is left out of the files")
    if orders.renamed:
        raise RefusedError("what is renamed has its new name in the files")
    return document


def refuse(reasons: Sequence[Reason]) -> None:
    """Raises BlockedError where there is any."""
    if reasons:
        raise BlockedError("the change cannot be carried out: {reasons}", list(reasons))

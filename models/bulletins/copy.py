"""Bulletins as they were issued: the files that units got; later changes of targets and limits do not touch them."""

from collections.abc import Iterator

from sqlalchemy import BigInteger, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.bulletins.bulletin import Bulletin
from models.common.base import Base, on_creation
from models.plan.plan import Plan


class BulletinCopy(Base):
    """One released version in one language and form: `language` is `zh` or `en`, `ending` that of the file's name."""

    __tablename__ = "bulletin_copy"

    bulletin_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("bulletin.id"), primary_key=True, doc="the periodic report (bulletin)"
    )
    language: Mapped[str] = mapped_column(primary_key=True, doc="zh: Chinese, en: English")
    ending: Mapped[str] = mapped_column(primary_key=True, doc="how the file's name ends")
    content: Mapped[bytes]


def issued_copy(session: Session, bulletin: Bulletin, language: str, ending: str) -> bytes | None:
    """The file as it was issued; None for a draft, and for what is not issued in that form."""
    copy = session.get(BulletinCopy, (bulletin.id, language, ending))
    return None if copy is None else copy.content


def keep_copy(session: Session, bulletin: Bulletin, language: str, ending: str, content: bytes) -> None:
    session.add(BulletinCopy(bulletin_id=bulletin.id, language=language, ending=ending, content=content))


def issued_copies(session: Session, plan: Plan) -> Iterator[tuple[BulletinCopy, Bulletin]]:
    """All that was issued, in the order of the periods; one after the other, as they may be many."""
    query = (
        select(BulletinCopy, Bulletin)
        .join(Bulletin, Bulletin.id == BulletinCopy.bulletin_id)
        .where(Bulletin.plan_id == plan.id)
        .order_by(Bulletin.period, Bulletin.version, BulletinCopy.language, BulletinCopy.ending)
    )
    for copy, bulletin in session.execute(query.execution_options(yield_per=1)):
        yield copy, bulletin
        session.expunge(copy)


REFUSE_CHANGES = """
CREATE FUNCTION bulletin_copy_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        MESSAGE = 'a released bulletin stays as it is: ' || TG_OP || ' refused',
        ERRCODE = 'restrict_violation',
        CONSTRAINT = 'bulletin_released';
END
$$
"""
REFUSE_CHANGES_TRIGGER = """
CREATE TRIGGER bulletin_copy_released BEFORE UPDATE OR DELETE ON bulletin_copy
    FOR EACH ROW EXECUTE FUNCTION bulletin_copy_refuse_change()
"""

on_creation(BulletinCopy, REFUSE_CHANGES, REFUSE_CHANGES_TRIGGER)

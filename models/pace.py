"""How fast a channel may be written to: the next instant at which one is free, shared by every delivery at once."""

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Instant


class Pace(Base):
    """One channel, by a digest of its address, which may hold a secret. `free_at`: when it takes the next post."""

    __tablename__ = "pace"

    channel: Mapped[str] = mapped_column(primary_key=True)
    free_at: Mapped[Instant]

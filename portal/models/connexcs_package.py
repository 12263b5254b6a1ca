"""ConnexCS packages: the platform services that a package can stand on."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, validates

from portal.domain.names import name_key, search_key
from portal.extensions import db
from portal.models.columns import KEY, PK


class ConnexcsPackage(db.Model):
    """A platform service. Assigning a package that names it enables it on the customer account."""

    __tablename__ = "connexcs_package"

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    # As names are told apart, and as they are searched for and sorted.
    name_key: Mapped[str] = mapped_column(KEY, unique=True)
    search_key: Mapped[str] = mapped_column(KEY)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    @validates("name")
    def _key_name(self, _field: str, name: str) -> str:
        self.name_key, self.search_key = name_key(name), search_key(name)
        return name

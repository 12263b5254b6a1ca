"""ConnexCS packages: the platform services that a package can stand on."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import db
from portal.models.columns import PK


class ConnexcsPackage(db.Model):
    """A platform service. Assigning a package that names it enables it on the customer account."""

    __tablename__ = "connexcs_package"

    id: Mapped[int] = mapped_column(PK, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    search_key: Mapped[str] = mapped_column(String(120), unique=True)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

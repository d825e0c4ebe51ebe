"""People and groups that an identity provider keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _directories()
    _people()
    _groups()


def _organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=f"fk_{table}_organisation_id")


def _directories() -> None:
    op.create_table(
        "scim_directories",
        sa.Column("organisation_id", sa.String(64), nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name="pk_scim_directories"),
        _organisation("scim_directories"),
    )
    op.create_table(
        "scim_tokens",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("organisation_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("prefix", sa.String(32), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=True),
        sa.Column("seen", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_scim_tokens"),
        sa.UniqueConstraint("digest", name="uq_scim_tokens_digest"),
        _organisation("scim_tokens"),
    )
    op.create_index("ix_scim_tokens_organisation_id", "scim_tokens", ["organisation_id"])


def _people() -> None:
    op.create_table(
        "scim_users",
        sa.Column("organisation_id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("user_key", sa.String(320), nullable=False),
        sa.Column("external_id", sa.String(320), nullable=True),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("held_back", sa.Text, nullable=False),
        sa.Column("switched_off", sa.Boolean, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("removed", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("organisation_id", "person_id", name="pk_scim_users"),
        _organisation("scim_users"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_scim_users_person_id"),
    )
    op.create_index("ix_scim_users_person_id", "scim_users", ["person_id"])
    op.create_index("ix_scim_users_user_key", "scim_users", ["organisation_id", "user_key"])
    op.create_index("ix_scim_users_external_id", "scim_users", ["organisation_id", "external_id"])


def _groups() -> None:
    op.create_table(
        "scim_groups",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("organisation_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(400), nullable=False),
        sa.Column("name_key", sa.String(400), nullable=False),
        sa.Column("external_id", sa.String(320), nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scim_groups"),
        _organisation("scim_groups"),
    )
    op.create_index("ix_scim_groups_name_key", "scim_groups", ["organisation_id", "name_key"])
    op.create_table(
        "scim_members",
        sa.Column("group_id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "person_id", name="pk_scim_members"),
        sa.ForeignKeyConstraint(["group_id"], ["scim_groups.id"], name="fk_scim_members_group_id"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_scim_members_person_id"),
    )
    op.create_index("ix_scim_members_person_id", "scim_members", ["person_id"])

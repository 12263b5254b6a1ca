"""What every route that changes something locks, and every command that writes (portal/services/locking.py).

A line is a blueprint and its views (or, of commands, the command), a colon, and kinds of rows in the order of
locking. A kind in brackets is shared: it only stays as it is. One with a question mark is locked in some cases
only. A new view that changes something: add its name to the line of its blueprint that names what it locks, or
add a line. Acts that lock a kind in common, and not both of them shared, can meet: tests/races.
"""

ROUTES = """
account       update : person
assignments   assign_many create : (did)? customer (package) position?
assignments   delete delete_planned end end_many own_prices_of_many remove_many : customer (package) position
assignments   update update_row : customer (package) position
bank_lines    accept : bankline customer? charge?
bank_lines    book : bankline customer charge?
bank_lines    came_back put_back : bankline customer? charge?
bank_lines    pay_back tie : bankline customer charge?
bank_lines    set_aside : bankline
bank_statements book_exact : bankline? customer? charge?
bank_statements discard keep_columns : bankfile
bulk_acts     undo : (company)? customer? package? position? charge?
calls         create : import?
calls         deal_with_bad_rows discard keep_columns stop : import
calls         remember_code : customer
calls         undo : (did)? customer? position? import
calls         resume : (company) (did)? customer position? import
charges       create : (company) customer charge?
charges       move_due_day use_credit write_off : customer charge
charges       reverse reverse_many : customer position? charge
connexcs_packages delete update_row : connexcs
corrections   create : (company) customer package? position charge?
corrections   create_rate : (company) customer position? charge?
corrections   send : customer?
credit        adjust : customer
credit        pay_from_balance : customer charge
customers     archive drop_tax_rate restore update : customer
customers     change_tax_rate update_row : customer position?
did_intake    create : did? customer? (package)?
dids          delete release release_many restore : did
dids          give give_many update_row : did (customer)?
holds         choose choose_for_all : customer (package) position
invitations   accept : company? customer?
my            set_monthly_summary : customer
my            people_deactivate people_reactivate people_take_second_step_away people_update_row : person
my            people_invite people_resend people_withdraw : customer
packages      archive archive_many delete delete_planned restore : package
packages      create : (connexcs)?
packages      update update_row : package (connexcs)? position?
payments      allocate release release_allocation : customer charge
moving_in     create : move?
moving_in     discard keep_columns keep_values stop : move
moving_in     resume start undo : (company)? (did)? customer? package? (connexcs)? position? charge? move
notes         create delete take_up_again tick_off update : customer
owed          pay : customer? charge?
payments      cancel : customer
payments      split : customer charge?
payments_back cancel create : customer
payments      complete create : customer charge?
people        deactivate reactivate take_second_step_away update_row : person
people        invite : company
people        invite_for_customer : customer
people        resend withdraw : company? customer?
runs          create post resume : (company)? customer? position? charge?
runs          undo : company customer position charge?
sent_summaries send send_one set_monthly : customer
settings      remove_logo update_logo : company
settings      update : company position?
"""

# What adds rows that nothing is known of yet (a name or token that is there already is refused by the database, in
# a sentence), and what a person does about their own session, where the last word holds. A run is stopped by one
# statement.
NOTHING = """
account       end_session end_sessions
bank_statements create
connexcs_packages add_known create
customers     create
did_intake    keep_layout
runs          stop
security      change_password forgot_password login logout mf_recovery mf_recovery_codes reset_password
security      two_factor_setup two_factor_setup_validate two_factor_token_validation verify wan_delete
security      wan_register wan_register_response wan_signin wan_signin_response wan_verify wan_verify_response
"""

COMMANDS = """
charge                 : (company) customer? position charge import? move?
import calls           : (company) (did)? customer position? import
import undo            : (did)? customer? position? import
import dids            : did? customer? (package)?
import customers       : customer? position? move
import packages        : package? (connexcs)? position? move
import assignments     : (did)? customer? (package)? position? move
import opening         : (company) customer? charge? move
import payments        : customer? charge? move
import go-on           : (company)? (did)? customer? package? (connexcs)? position? charge? move
import take-back       : (company)? customer? package? (connexcs)? position? charge? move
import statement       : bankline? customer? charge?
notices                : (position)
summaries monthly      : customer?
summaries send         : customer?
user no-second-step    : person
user password          : person
"""

# A message is claimed by one statement; a new person is refused by the database where the address is known; the
# demo goes into an empty portal, as what is restored or moved does; tables are changed while nobody is at work. What
# a worker does the other commands do.
COMMANDS_NOTHING = """
backup
db check
db downgrade
db revision
db upgrade
mail send
move
restore
seed
summaries write
user create
worker
"""

SHARED, ALONE = "shared", "alone"


class Locks(dict[str, str]):
    """For each kind how it is locked; `sometimes` are those that are locked in some cases only."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sometimes: set[str] = set()
        for word in text.split():
            kind = word.strip("()?")
            self[kind] = SHARED if word.startswith("(") else ALONE
            if word.endswith("?"):
                self.sometimes.add(kind)

    def meets(self, other: "Locks") -> list[str]:
        """The kinds on which two acts can meet: one of them, at least, wants it alone."""
        return [kind for kind, how in self.items() if kind in other and ALONE in (how, other[kind])]


def _lines(block: str) -> list[tuple[str, str]]:
    parts = (line.partition(":") for line in block.strip().split("\n"))
    return [(names.strip(), kinds) for names, _, kinds in parts]


def routes() -> dict[str, Locks]:
    """`packages.update` and what it locks."""
    found: dict[str, Locks] = {}
    for names, kinds in _lines(ROUTES) + _lines(NOTHING):
        blueprint, *views = names.split()
        for view in views:
            assert f"{blueprint}.{view}" not in found, f"{view} stands twice in tests/lock_table.py"
            found[f"{blueprint}.{view}"] = Locks(kinds)
    return found


def commands() -> dict[str, Locks]:
    """`import calls` and what it locks."""
    return {name: Locks(kinds) for name, kinds in _lines(COMMANDS) + _lines(COMMANDS_NOTHING)}

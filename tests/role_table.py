"""Who gets which answer where: every route of the portal has its place in one of these blocks.

A line is a method, a blueprint and its views. A new view: add its name to the line of its method and
blueprint, in the block that says who may ask for it, or add a line.
"""

# Whoever asks, signed in or not.
OPEN = """
GET  invitations show
POST invitations accept
GET  security forgot_password login mf_recovery reset_password two_factor_token_validation wan_signin
POST security forgot_password login mf_recovery reset_password two_factor_token_validation
POST security wan_signin wan_signin_response
GET  - static
"""

# Whoever is signed in, about themselves; from the overview a customer's people are sent to their own pages.
PERSONAL = """
GET  account show
POST account end_session end_sessions update
GET  overview show
GET  security change_password mf_recovery_codes two_factor_setup verify wan_delete wan_register wan_verify
POST security change_password logout mf_recovery_codes two_factor_setup two_factor_setup_validate verify
POST security wan_delete wan_register wan_register_response wan_verify wan_verify_response
"""

# Nobody: Flask-Security has them, the portal has not.
CLOSED = """
GET  security tf_select two_factor_rescue
POST security tf_select two_factor_rescue
"""

# All staff, a viewer too; the POSTs among them change nothing.
STAFF = """
GET  assignments download index row show waiting
POST assignments draft_many
GET  audit download index
GET  bank_lines show
GET  bank_statements index show
GET  calls bad_rows download download_of_customer found index map_columns of_customer progress show
GET  charges accounts download index show
GET  connexcs_packages index row
GET  corrections show
GET  credit download show
GET  customers charges details dids download download_history figures history index next_charges notes people row show
GET  customers suggestions
POST did_intake again bad_lines check columns
GET  dids charges download index next_charges row show whose
GET  holds index show
GET  mail index
GET  margins download index
GET  moving_in bad_lines first_charges index progress report report_file sample show
GET  notes download index show
GET  notices index
GET  owed download index
GET  packages download figures index prices row show
POST packages preview
GET  payments download index show
GET  payments_back download index show
GET  runs download index progress show
GET  search index
GET  seen calls calls_file charges charges_file dids home logo statement_file summary summary_pdf
GET  sent_summaries index look of_customer
GET  settings index logo
GET  styleguide show
GET  summary download show
GET  upcoming download index
GET  won_and_lost download index
"""

# Billing and owners; a viewer is told whom to ask.
CHANGE = """
GET  assignments ask_end bulk draft edit edit_row new
GET  bank_statements map_columns
GET  calls ask_undo
GET  charges ask_due_day ask_reversals ask_use_credit ask_write_off new reversal
GET  connexcs_packages edit_row
GET  corrections new new_rate of_customers
GET  credit new_adjustment
GET  customers edit edit_row new
GET  did_intake new
GET  moving_in ask_undo columns
GET  notes edit new
GET  dids edit_row
GET  packages copy delete edit edit_row new
GET  payments ask_split new
GET  payments_back new
GET  runs new
GET  sent_summaries ask
POST assignments assign_many bulk create delete delete_planned end end_many own_prices_of_many remove_many
POST assignments update update_row
POST bank_lines accept book came_back pay_back put_back set_aside tie
POST bank_statements book_exact create discard keep_columns
POST bulk_acts undo
POST calls create deal_with_bad_rows discard keep_columns remember_code resume stop undo
POST charges ask_reversals create move_due_day reverse reverse_many use_credit write_off
POST connexcs_packages add_known create delete update_row
POST corrections create create_rate new of_customers preview preview_rate send
POST credit adjust pay_from_balance
POST customers archive change_tax_rate create drop_tax_rate restore update update_row
POST did_intake create keep_layout
POST dids delete give give_many release release_many restore update_row
POST holds choose choose_for_all
POST moving_in create discard keep_columns keep_values resume start stop undo
POST notes create delete take_up_again tick_off update
POST owed pay
POST packages archive archive_many copy create delete delete_planned restore update update_row
POST payments allocate cancel complete create release release_allocation split
POST payments_back cancel create
POST runs create post resume stop
POST sent_summaries ask send send_one set_monthly
"""

# Owners alone.
OWNER = """
GET  people edit_row index new new_for_customer row
GET  runs ask_undo
POST people deactivate invite invite_for_customer reactivate resend take_second_step_away update_row withdraw
POST runs undo
POST settings remove_logo update update_logo
"""

# People of a customer, about their own customer; somebody else's is not found.
MINE = """
GET  my calls calls_file charges charges_file dids home logo people statement_file summary summary_pdf
"""

# What each of them may set of it.
MY_CHANGE = """
POST my set_monthly_summary
"""

# Among them, the customer's own owner alone.
MY_OWNER = """
GET  my people_edit_row people_new people_row
POST my people_deactivate people_invite people_reactivate people_resend people_take_second_step_away
POST my people_update_row people_withdraw
"""

ROLES = ("nobody", "viewer", "billing", "owner", "acme", "globex")
# Who is let in; what the others get: SIGN_IN, or a status.
SIGN_IN, YES = "sign in", "yes"
NOT_THEIRS = (403, 404)
ANSWERS = {
    "OPEN": (YES, YES, YES, YES, YES, YES),
    "PERSONAL": (SIGN_IN, YES, YES, YES, YES, YES),
    "CLOSED": (404, 404, 404, 404, 404, 404),
    "STAFF": (SIGN_IN, YES, YES, YES, 404, 404),
    "CHANGE": (SIGN_IN, 403, YES, YES, 404, 404),
    "OWNER": (SIGN_IN, 403, 403, YES, 404, 404),
    "MINE": (SIGN_IN, 404, 404, 404, YES, YES),
    "MY_CHANGE": (SIGN_IN, NOT_THEIRS, NOT_THEIRS, NOT_THEIRS, YES, YES),
    "MY_OWNER": (SIGN_IN, NOT_THEIRS, NOT_THEIRS, NOT_THEIRS, YES, 403),
}


def rows() -> dict[str, str]:
    """`GET packages.index` and its block, for each."""
    found: dict[str, str] = {}
    for block in ANSWERS:
        for line in globals()[block].split("\n"):
            method, blueprint, *views = line.split() or ["", ""]
            for view in views:
                name = f"{method} {view if blueprint == '-' else f'{blueprint}.{view}'}"
                assert name not in found, f"{name} stands twice in tests/role_table.py"
                found[name] = block
    return found

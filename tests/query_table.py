"""How often each page asks the database, however many rows it shows: asked by an owner, or by a customer's owner."""

QUERIES = """
4 moving_in.sample security.wan_delete
5 calls.map_columns calls.progress customers.new moving_in.columns moving_in.progress people.new runs.progress
5 search.index security.change_password security.mf_recovery_codes security.two_factor_setup security.wan_verify
5 styleguide.show
6 calls.bad_rows calls.index moving_in.bad_lines moving_in.index moving_in.report_file my.people_new notes.download
6 notes.index notes.new notices.index packages.new people.new_for_customer security.verify security.wan_register
6 settings.logo
7 account.show connexcs_packages.index connexcs_packages.row corrections.new_rate credit.new_adjustment mail.index
7 moving_in.ask_undo my.dids my.logo notes.edit notes.show seen.dids seen.logo sent_summaries.of_customer
7 settings.index
8 assignments.bulk audit.index charges.ask_reversals corrections.new corrections.of_customers customers.edit_row
8 did_intake.new margins.download moving_in.report packages.delete payments_back.download payments_back.index
8 people.edit_row runs.download runs.index runs.new sent_summaries.ask
9 assignments.draft:2 assignments.new:2 bank_statements.index calls.download calls.download_of_customer calls.found
9 calls.of_customer calls.show connexcs_packages.edit_row credit.show customers.edit customers.history customers.notes
9 customers.suggestions dids.edit_row margins.index moving_in.first_charges moving_in.show my.people_edit_row
9 my.people_row owed.download packages.prices payments_back.show people.index people.row runs.ask_undo
10 assignments.draft assignments.new bank_statements.map_columns customers.download_history dids.whose my.calls_file
10 my.people owed.index packages.copy payments.index payments.new payments_back.new seen.calls_file
11 assignments.edit assignments.edit_row assignments.waiting charges.ask_due_day charges.ask_use_credit
11 charges.ask_write_off charges.new corrections.show customers.people payments.ask_split
12 audit.download dids.row my.calls packages.row runs.show seen.calls sent_summaries.index
13 customers.details dids.index packages.figures won_and_lost.download
14 charges.index customers.dids packages.edit payments.download won_and_lost.index
15 packages.download
16 customers.row
17 calls.ask_undo credit.download dids.charges holds.index my.statement_file packages.index seen.statement_file
18 customers.index dids.next_charges holds.show payments.show upcoming.index upcoming.index:2
19 bank_lines.show charges.accounts packages.show
20 dids.download
21 assignments.row charges.reversal customers.download sent_summaries.look
22 assignments.ask_end
23 packages.edit_row
24 assignments.index bank_statements.show
26 assignments.index:2 assignments.show customers.figures
30 customers.charges dids.show
35 charges.show
38 my.charges my.home seen.charges seen.home
41 charges.download customers.next_charges
45 assignments.download my.charges_file seen.charges_file
47 customers.show my.summary_pdf seen.summary_pdf summary.download
48 my.summary seen.summary summary.show
53 upcoming.download
75 overview.show
87 upcoming.download:2
"""

LOOPS = """These pages ask the database more often where they show more rows (few rows, many rows):
{pages}
A query stands in a loop, or something is loaded row by row: load it with the rows (selectinload, joinedload), or for
all of them in one query."""
OTHERWISE = """These pages ask the database otherwise than tests/query_table.py says (now, there):
{pages}
Fewer, or a new page: write the number there. More: is each of them needed? A page's answer waits for every one."""


def rows() -> dict[str, int]:
    """Each page's number, by its view."""
    found = {}
    for line in QUERIES.strip().splitlines():
        number, *views = line.split()
        found |= dict.fromkeys(views, int(number))
    return found


def told(counts: dict[str, list[int]]) -> str:
    """Pages and numbers, a line each."""
    return "\n".join(f"{name}: {', '.join(map(str, numbers))}" for name, numbers in sorted(counts.items()))


def differences(now: dict[str, int], there: dict[str, int]) -> str:
    """Where two tables differ."""
    return "\n".join(
        f"{name}: {now.get(name, 'no page')}, {there.get(name, 'no row')}"
        for name in sorted(now.keys() | there.keys())
        if now.get(name) != there.get(name)
    )

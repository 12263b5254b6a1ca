"""How often each page asks the database, however many rows it shows: asked by an owner, or by a customer's owner."""

QUERIES = """
4 moving_in.sample security.wan_delete
5 calls.map_columns calls.progress customers.new moving_in.columns moving_in.progress people.new runs.progress
5 search.index styleguide.show security.change_password security.mf_recovery_codes security.two_factor_setup security.wan_verify
6 calls.bad_rows calls.index mail.index moving_in.bad_lines moving_in.index my.people_new notes.download notes.index
6 notes.new notices.index packages.new people.new_for_customer security.verify security.wan_register settings.logo
7 account.show connexcs_packages.index connexcs_packages.row corrections.new_rate credit.new_adjustment
7 customers.download_history moving_in.ask_undo moving_in.report moving_in.report_file my.dids my.logo notes.edit
7 notes.show seen.dids seen.logo sent_summaries.of_customer settings.index
8 assignments.bulk audit.index charges.ask_reversals corrections.new corrections.of_customers customers.edit_row
8 did_intake.new margins.download packages.delete payments_back.download payments_back.index
8 people.edit_row runs.download runs.index runs.new
9 assignments.draft:2 assignments.new:2 audit.download bank_statements.index calls.download calls.download_of_customer
9 calls.found calls.show connexcs_packages.edit_row customers.edit customers.history customers.suggestions
9 customers.notes seen.calls_file sent_summaries.ask
9 dids.edit_row margins.index moving_in.first_charges my.calls_file my.people_edit_row my.people_row owed.download
9 packages.download packages.row payments.download payments_back.show people.index people.row runs.ask_undo
10 assignments.draft assignments.new bank_statements.map_columns moving_in.show my.people owed.index packages.copy
10 calls.of_customer payments.index payments.new payments_back.new
11 assignments.edit assignments.edit_row assignments.waiting charges.accounts charges.ask_due_day
11 charges.ask_use_credit charges.ask_write_off charges.new corrections.show my.calls payments.ask_split seen.calls
11 customers.people
12 credit.download dids.download dids.row my.statement_file packages.index runs.show seen.statement_file
12 sent_summaries.index
13 customers.details dids.index packages.figures
14 customers.dids packages.edit
16 calls.ask_undo customers.row
17 customers.index holds.index
18 payments.show
19 bank_lines.show credit.show packages.edit_row packages.show
20 customers.download
21 assignments.row charges.reversal
22 assignments.ask_end
23 assignments.index charges.index
24 bank_statements.show
25 assignments.download
26 assignments.index:2 my.charges_file seen.charges_file
29 charges.download
30 upcoming.index upcoming.index:2
38 holds.show upcoming.download:2
39 dids.next_charges upcoming.download
44 charges.show
45 my.summary seen.summary sent_summaries.look summary.show
47 my.summary_pdf seen.summary_pdf summary.download
53 customers.figures
65 assignments.show
67 customers.charges
70 my.home seen.home
74 dids.show
76 overview.show
79 customers.show
86 customers.next_charges
99 my.charges seen.charges
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

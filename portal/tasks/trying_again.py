"""When a job is tried again, and how often."""

from procrastinate import RetryDecision
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy

from portal.domain.errors import RuleBroken
from portal.schema import OtherVersion
from portal.tasks.jobs import PutDown

# However it ended: put down, failed, or with a worker that was killed. Then it is `failed`, and waits for a person.
MOST = 50
LONGEST_PAUSE = 300  # seconds


class TryAgain(BaseRetryStrategy):
    """Ever later, but at once what was only put down. What a rule stands against fails without being tried again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When; None where it is given up."""
        if isinstance(exception, PutDown):
            return RetryDecision(retry_in={"seconds": 0})
        if job.attempts >= MOST or (
            isinstance(exception, RuleBroken) and not isinstance(exception, OtherVersion)
        ):
            return None
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, LONGEST_PAUSE)})

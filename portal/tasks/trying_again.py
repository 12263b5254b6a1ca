"""When a job is tried again, and how often."""

from procrastinate import RetryDecision
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy

from portal.domain.errors import RuleBroken
from portal.schema import OtherVersion
from portal.tasks.jobs import PutDown

# Whether it failed or its worker was killed. Then it is `failed`, and waits for a person.
MOST = 50
LONGEST_PAUSE = 300  # seconds


class TryAgain(BaseRetryStrategy):
    """Ever later, but at once what was only put down. What a rule stands against fails without being tried again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When; None where it is given up."""
        is_refused = isinstance(exception, RuleBroken) and not isinstance(exception, OtherVersion)
        if is_refused or (job.attempts >= MOST and not isinstance(exception, PutDown)):
            return None
        return RetryDecision(retry_in={"seconds": self.pause(exception, job.attempts)})

    @staticmethod
    def pause(exception: BaseException, attempts: int) -> int:
        """Seconds until it is done again."""
        return 0 if isinstance(exception, PutDown) else min(2**attempts, LONGEST_PAUSE)

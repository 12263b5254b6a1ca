"""django-flexible-subscriptions: a transaction a subscription. Run in an environment of its own."""

import datetime
import json
import sys
import time
from decimal import Decimal

import django
from django.conf import settings
from django.core.management import call_command

if __name__ == "__main__":
    file, subscriptions = sys.argv[1], int(sys.argv[2])
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "subscriptions"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        SECRET_KEY="measured",
        USE_TZ=True,
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.db import transaction
    from django.utils import timezone
    from subscriptions.management.commands._manager import Manager
    from subscriptions.models import PlanCost, SubscriptionPlan, SubscriptionTransaction, UserSubscription

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        plan = SubscriptionPlan.objects.create(plan_name="Line", plan_description="A line")
        cost = PlanCost.objects.create(plan=plan, recurrence_period=1, cost=Decimal("24.50"))
        due = timezone.now() - datetime.timedelta(days=1)
        for number in range(subscriptions):
            UserSubscription.objects.create(
                user=User.objects.create(username=str(number)), subscription=cost, date_billing_start=due,
                date_billing_next=due, active=True, cancelled=False,
            )  # fmt: skip
    begun = time.perf_counter()
    with transaction.atomic():
        Manager().process_subscriptions()
    took = time.perf_counter() - begun
    print(json.dumps({"charges": SubscriptionTransaction.objects.count(), "seconds": took}))

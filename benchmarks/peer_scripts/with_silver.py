"""django-silver: a document a customer, with an entry for each of twenty subscriptions. Run in its own environment."""

import datetime
import json
import sys
import time
from decimal import Decimal

import django
from django.conf import settings
from django.core.management import call_command

EACH = 20

if __name__ == "__main__":
    file, subscriptions = sys.argv[1], int(sys.argv[2])
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "silver"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        SECRET_KEY="measured",
        USE_TZ=True,
        PAYMENT_PROCESSORS={},
    )
    django.setup()
    from django.db import transaction
    from silver.documents_generator import DocumentsGenerator
    from silver.models import Customer, DocumentEntry, Plan, ProductCode, Provider, Subscription

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        where = {"address_1": "1 Road", "city": "London", "country": "GB"}
        provider = Provider.objects.create(
            name="Lumen", flow="invoice", invoice_series="I", invoice_starting_number=1, **where
        )
        plan = Plan.objects.create(
            name="Line", interval="month", interval_count=1, amount=Decimal("24.50"), currency="GBP",
            product_code=ProductCode.objects.create(value="line"), provider=provider, prebill_plan=True,
        )  # fmt: skip
        for number in range(max(subscriptions // EACH, 1)):
            customer = Customer.objects.create(
                first_name="A", last_name=str(number), consolidated_billing=True, sales_tax_percent=20,
                sales_tax_name="VAT", currency="GBP", **where,
            )  # fmt: skip
            for _ in range(EACH):
                made = Subscription.objects.create(
                    plan=plan, customer=customer, start_date=datetime.date(2026, 11, 1)
                )
                made.activate()
                made.save()
    begun = time.perf_counter()
    with transaction.atomic():
        DocumentsGenerator().generate(billing_date=datetime.date(2026, 11, 1))
    took = time.perf_counter() - begun
    print(json.dumps({"charges": DocumentEntry.objects.count(), "seconds": took}))

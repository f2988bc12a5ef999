"""What the operations of Amazon's web services do, by kind of service."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.sources.packages import Wheel
from tangent_bench.texts.sources.wording import Excerpt, first_sentence, is_fit

# fmt: off
SERVICES = {
    "virtual machines": (
        "autoscaling", "batch", "ec2", "elasticbeanstalk", "imagebuilder", "lightsail",
    ),
    "storage and backup": (
        "backup", "datasync", "ebs", "efs", "fsx", "glacier", "s3", "s3control", "s3tables",
        "snowball", "storagegateway", "transfer",
    ),
    "databases": (
        "dax", "dms", "docdb", "dynamodb", "elasticache", "keyspaces", "memorydb", "neptune",
        "neptune-graph", "rds", "redshift", "redshift-serverless", "timestream-influxdb",
        "timestream-write",
    ),
    "networks": (
        "apigateway", "apigatewayv2", "appmesh", "cloudfront", "directconnect", "elb", "elbv2",
        "globalaccelerator", "network-firewall", "networkmanager", "route53", "route53domains",
        "route53resolver", "vpc-lattice",
    ),
    "security and identity": (
        "acm", "acm-pca", "cognito-identity", "cognito-idp", "detective", "fms", "guardduty",
        "iam", "inspector2", "kms", "macie2", "secretsmanager", "securityhub", "shield",
        "sso-admin", "verifiedpermissions", "wafv2",
    ),
    "machine learning": (
        "bedrock", "bedrock-agent", "comprehend", "forecast", "frauddetector", "kendra",
        "lexv2-models", "machinelearning", "personalize", "polly", "rekognition", "sagemaker",
        "textract", "transcribe", "translate",
    ),
    "video and media": (
        "ivs", "ivs-realtime", "kinesisvideo", "mediaconnect", "mediaconvert", "medialive",
        "mediapackage", "mediapackagev2", "mediastore", "mediatailor",
    ),
    "the internet of things": (
        "greengrass", "greengrassv2", "iot", "iot-managed-integrations", "iotdeviceadvisor",
        "iotfleetwise", "iotsitewise", "iottwinmaker", "iotwireless",
    ),
    "mail and messages": (
        "chime-sdk-messaging", "mailmanager", "mq", "pinpoint", "pinpoint-sms-voice-v2", "ses",
        "sesv2", "sns", "socialmessaging", "sqs", "workmail",
    ),
    "software development": (
        "amplify", "cloudformation", "codeartifact", "codebuild", "codecatalyst", "codecommit",
        "codedeploy", "codepipeline", "devicefarm", "proton", "servicecatalog",
    ),
    "costs and billing": (
        "billing", "billingconductor", "bcm-pricing-calculator", "budgets", "ce",
        "compute-optimizer", "cost-optimization-hub", "cur", "freetier", "invoicing", "pricing",
        "savingsplans", "taxsettings",
    ),
    "call centres": (
        "connect", "connect-contact-lens", "connectcampaignsv2", "connectcases",
        "connectparticipant", "customer-profiles", "qconnect", "voice-id", "wisdom",
    ),
    "containers": ("apprunner", "ecr", "ecr-public", "ecs", "eks", "emr-containers"),
    "data analysis": (
        "athena", "cleanrooms", "emr", "firehose", "glue", "kafka", "kinesis",
        "kinesisanalyticsv2", "lakeformation", "opensearch", "quicksight",
    ),
    "monitoring": (
        "application-insights", "application-signals", "cloudtrail", "cloudwatch", "config",
        "internetmonitor", "logs", "rum", "ssm", "synthetics", "xray",
    ),
}
# fmt: on
FEWEST_WORDS = 4
_TAG = re.compile(r"<[^>]*>")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """The first sentence of each operation; what an operation is about is its unit."""
    wheel = Wheel(folder, "botocore")
    for class_name, services in SERVICES.items():
        for service in services:
            for name, operation in sorted(_operations(wheel, service).items()):
                words = _TAG.sub(" ", operation.get("documentation", ""))
                text = first_sentence(html.unescape(words))
                if is_fit(text, FEWEST_WORDS):
                    yield Excerpt(text, class_name, f"{service} {subject(name)}")


def subject(operation: str) -> str:
    """What an operation is about: its name without the verb, in the singular.

    >>> subject("DeleteQueue"), subject("ListQueues"), subject("Encrypt")
    ('Queue', 'Queue', 'Encrypt')
    """
    _, *rest = _PART.findall(operation)
    return "".join(rest).removesuffix("s") or operation


def _operations(wheel: Wheel, service: str) -> dict[str, dict]:
    """Those of the latest version of a service."""
    start = f"botocore/data/{service}/"
    versions = [
        name
        for name in wheel.names()
        if name.startswith(start) and name.endswith("/service-2.json.gz")
    ]
    return json.loads(gzip.decompress(wheel.read(versions[-1])))["operations"]

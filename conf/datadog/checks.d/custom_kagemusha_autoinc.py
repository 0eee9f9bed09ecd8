"""Datadog Agent check: AUTO_INCREMENT headroom as `kagemusha scan --json` tells it.

With state_file it reads what a timer has written (--json --output=FILE), and an old file is a failure. With command
it runs the scanner itself: give the instance a min_collection_interval of an hour then. The scanner does the
measuring and judging; this only passes it on.
"""
import json
import subprocess
import time

from datadog_checks.base import AgentCheck

PREFIX = "kagemusha.autoinc."
# Each set of tags is a metric that is paid for.
USAGE, DAYS = 0.2, 365


class CustomKagemushaAutoinc(AgentCheck):
    def check(self, instance):
        try:
            report = self.read(instance)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.service_check("kagemusha.autoinc", AgentCheck.UNKNOWN, message=str(error))
            return
        self.servers(report)
        self.columns(report)
        self.service_check("kagemusha.autoinc", report["status"], message=report["summary"])

    def read(self, instance):
        if "state_file" not in instance:
            done = subprocess.run(
                instance["command"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=instance.get("timeout", 600), check=False, universal_newlines=True)
            if not done.stdout:
                raise ValueError("the scanner said nothing: " + done.stderr.strip())
            return json.loads(done.stdout)
        with open(instance["state_file"], encoding="utf-8") as state:
            report = json.load(state)
        age = time.time() - report["timestamp"]
        if age > instance.get("max_age", 7200):
            raise ValueError("%s is %d s old: the scan does not run" % (instance["state_file"], age))
        return report

    def servers(self, report):
        for server in report["servers"]:
            tags = ["group:" + server["group"], "server:" + server["server"]]
            self.gauge(PREFIX + "scan.ok", int(server["answer"] == "complete"), tags=tags)
            self.gauge(PREFIX + "scan.duration_seconds", server["took_ms"] / 1000.0, tags=tags)
            self.gauge(PREFIX + "scan.tables", server["tables"], tags=tags)

    def columns(self, report):
        fullest, fewest = {}, {}
        for column in report["columns"]:
            usage, days = column["usage_ratio"], column["days_left"]
            if usage is None or column["ignored"]:
                continue
            tags = (column["group"], column["server"], column["column_type"])
            fullest[tags] = max(usage, fullest.get(tags, 0))
            if days is not None:
                fewest[tags] = min(days, fewest.get(tags, days))
            if column["level"] == "ok" and usage < USAGE and (days is None or days >= DAYS):
                continue
            self.gauge(PREFIX + "usage_ratio", usage, tags=column["tags"])
            if days is not None:
                self.gauge(PREFIX + "days_left", days, tags=column["tags"])
        for name, values in (("max_usage_ratio", fullest), ("min_days_left", fewest)):
            for tags, value in values.items():
                words = ["%s:%s" % pair for pair in zip(("group", "server", "column_type"), tags)]
                self.gauge(PREFIX + name, value, tags=words)

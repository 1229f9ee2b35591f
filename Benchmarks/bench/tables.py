"""What was measured, as tables for people, and against what is claimed."""

import statistics

from scenarios import TITLES, TWO_WORKERS

FIGURES = ("cpu_us", "rps", "p50_us", "p99_us", "resident_kib")


def spread(values):
    """Ratios round by round: their median, and between what they lay."""
    return {"ratio": statistics.median(values), "least": min(values), "greatest": max(values)}


def said(value, bar):
    return "held" if value <= bar else "missed"


class Report:
    def __init__(self, conditions, scenarios):
        self.conditions = conditions
        self.scenarios = scenarios
        self.windows = {}
        self.extras = {}
        self.problems = []

    # What follows from the windows.

    def rows(self, scenario):
        """Medians of the rounds by server."""
        for name, windows in self.windows[scenario.name].items():
            yield name, {key: statistics.median(window[key] for window in windows) for key in FIGURES}

    def comparisons(self, scenario):
        """The gateway's processor time per request over each rival's."""
        windows = self.windows[scenario.name]
        for rival in windows if "floodgate" in windows else ():
            if rival not in ("direct", "floodgate"):
                values = [own["cpu_us"] / other["cpu_us"] for own, other in zip(windows["floodgate"], windows[rival])]
                yield {"rival": rival, **spread(values), "bar": scenario.bars.get(rival)}

    def two_workers(self):
        """The gateway's processor time per request with two workers over that with one."""
        if not {"small64", "small64x2"} <= self.windows.keys():
            return None
        pairs = zip(self.windows["small64x2"]["floodgate"], self.windows["small64"]["floodgate"])
        return {**spread([two["cpu_us"] / one["cpu_us"] for two, one in pairs]), "bar": TWO_WORKERS}

    def verdicts(self):
        """Every claim that was measured, and whether it is held."""
        found = []
        for scenario in self.scenarios:
            for each in self.comparisons(scenario):
                if each["bar"]:
                    claim = f"{scenario.title}: CPU per request, Floodgate / {TITLES[each['rival']]}"
                    found.append({"claim": claim, "value": each["ratio"], "bar": each["bar"]})
        if both := self.two_workers():
            found.append({"claim": "CPU per request, two workers / one", "value": both["ratio"], "bar": both["bar"]})
        for each in self.extras.get("idle") or []:
            if each["name"] == "floodgate" and each["count"] == each["wanted"]:
                found.append({
                    "claim": f"{each['wanted']} idle connections, MB resident", "value": each["megabytes"], "bar": each["bar"]})
        return [{**each, "held": each["value"] <= each["bar"]} for each in found]

    def data(self):
        return {
            "conditions": self.conditions, "verdicts": self.verdicts(), "problems": self.problems, "extras": self.extras,
            "ratios": {scenario.name: list(self.comparisons(scenario)) for scenario in self.scenarios},
            "two_workers": self.two_workers(), "windows": self.windows}

    # For the terminal.

    def text(self):
        lines = [self.conditions_text()]
        for scenario in self.scenarios:
            lines += ["", f"{scenario.title:<50}{'CPU µs':>9}{'requests/s':>12}{'p50 µs':>9}{'p99 µs':>9}{'MB':>7}"]
            for name, figures in self.rows(scenario):
                cpu = "" if name == "direct" else f"{figures['cpu_us']:.2f}"
                lines.append(
                    f"  {TITLES[name]:<48}{cpu:>9}{figures['rps']:>12.0f}{figures['p50_us']:>9.0f}{figures['p99_us']:>9.0f}"
                    f"{figures['resident_kib'] * 1024 / 1e6:>7.1f}")
            if scenario.is_tls and scenario.new_connection_each:
                each = ", ".join(
                    f"{TITLES[name]} {1_000_000 / figures['cpu_us']:,.0f}" for name, figures in self.rows(scenario))
                lines.append(f"  Handshakes with a request, per CPU second: {each}")
            lines += [ratio_text(f"CPU: Floodgate / {TITLES[each['rival']]}", each) for each in self.comparisons(scenario)]
        if both := self.two_workers():
            lines += ["", ratio_text("CPU: Floodgate, two workers / one", both)]
        if calls := self.extras.get("calls"):
            lines += ["", "System calls per request, 64 connections"]
            for name, counts in calls.items():
                most = ", ".join(f"{call} {count:.2f}" for call, count in list(counts.items())[:5])
                lines.append(f"  {TITLES[name]:<48}{sum(counts.values()):>9.2f}   {most}")
        if instructions := self.extras.get("instructions"):
            lines += ["", "Instructions in user space per request, 1 connection"]
            lines += [f"  {TITLES[name]:<48}{count:>9.0f}" for name, count in instructions.items()]
        lines += self.idle_text()
        return "\n".join(lines + [""] * bool(self.problems) + self.problems)

    def conditions_text(self):
        about = self.conditions
        return (
            f"nginx {about['nginx']}, HAProxy {about['haproxy']}; {about['processor']}, {about['cores']} cores, kernel "
            f"{about['kernel']}, {about['date']}\nLoad, proxy and origin (nginx) share one core, and two where there are two "
            f"workers. Medians of {about['rounds']} rounds,\nwindows of {about['seconds']} s in turn; ratios within a round, "
            "with the least and the greatest. CPU is the proxy's time on a core per request.")

    def idle_text(self):
        if not (idle := self.extras.get("idle")):
            return []
        lines = ["", f"{'Idle connections, resident':<50}{'MB':>9}{'bytes each':>12}"]
        for each in idle:
            line = f"  {TITLES[each['name']]:<16}{each['count']:<32,}{each['megabytes']:>9.1f}{each['bytes_each']:>12.0f}"
            if each["name"] == "floodgate":
                line += "   " + idle_verdict(each)
            lines.append(line)
        return lines

    # For the README.

    def markdown(self):
        about = self.conditions
        lines = [
            f"One machine, {about['processor']}, kernel {about['kernel']}, loopback; nginx {about['nginx']}, HAProxy "
            f"{about['haproxy']}, {about['date']}. Medians of",
            f"{about['rounds']} rounds of `make bench`. Load, proxy and origin share one core (two with two workers).", "",
            "| | Floodgate | nginx | HAProxy | to nginx | to HAProxy | claimed |", "|---|---|---|---|---|---|---|"]
        for scenario in self.scenarios:
            if "floodgate" not in self.windows[scenario.name]:
                continue
            rows, compared = dict(self.rows(scenario)), {each["rival"]: each for each in self.comparisons(scenario)}
            cpu = {name: f"{figures['cpu_us']:.1f} µs" for name, figures in rows.items()}
            bars = " and ".join(dict.fromkeys(f"≤ {bar:.2f}" for bar in scenario.bars.values()))
            if "nginx64k" in rows:
                cpu["nginx"] += f" ({cpu['nginx64k']} with 8 × 64 KiB buffers, {cpu['nginx1m']} with 16)"
            nginx = ratio_markdown(compared["nginx"])
            if "nginx64k" in compared:
                nginx += f" ({ratio_markdown(compared['nginx64k'])}; {ratio_markdown(compared['nginx1m'])})"
            lines.append(
                f"| CPU per request: {scenario.title} | {cpu['floodgate']} | {cpu['nginx']} | {cpu['haproxy']} | {nginx} | "
                f"{ratio_markdown(compared['haproxy'])} | {bars} |")
        for scenario in self.scenarios:
            if "floodgate" not in self.windows[scenario.name]:
                continue
            rows = dict(self.rows(scenario))
            cells = [
                f"{rows[name]['rps']:,.0f}/s, {rows[name]['p50_us'] / 1000:.2f} / {rows[name]['p99_us'] / 1000:.2f} ms"
                for name in ("floodgate", "nginx", "haproxy")]
            lines.append(f"| Rate, p50 / p99: {scenario.title} | {' | '.join(cells)} | | | |")
        if both := self.two_workers():
            lines.append(
                f"| CPU per request: two workers to one | {ratio_markdown(both)} | | | | | ≤ {both['bar']:.2f} |")
        lines += self.counts_markdown()
        return "\n".join(lines) + "\n"

    def counts_markdown(self):
        order, lines = ("floodgate", "nginx", "haproxy"), []
        if calls := self.extras.get("calls"):
            cells = " | ".join(f"{sum(calls[name].values()):.2f}" for name in order)
            lines.append(f"| System calls per request, 64 connections | {cells} | | | ≤ 4.2 |")
        if instructions := self.extras.get("instructions"):
            cells = " | ".join(f"{instructions[name]:,.0f}" for name in order)
            lines.append(f"| Instructions in user space per request | {cells} | | | |")
        for wanted in (10_000, 50_000):
            found = {each["name"]: each for each in self.extras.get("idle") or [] if each["wanted"] == wanted}
            if found:
                cells = " | ".join(f"{found[name]['megabytes']:.1f} MB" if name in found else "" for name in order)
                count = found["floodgate"]["count"]
                bar = f"≤ {found['floodgate']['bar']} MB" if count == wanted else f"≤ {found['floodgate']['bar']} MB for {wanted:,}"
                lines.append(f"| Resident with {count:,} idle connections | {cells} | | | {bar} |")
        return lines


def ratio_text(what, each):
    bar = "" if each["bar"] is None else f"   at most {each['bar']:.2f}: {said(each['ratio'], each['bar'])}"
    return f"  {what:<48}{each['ratio']:>9.2f}   {each['least']:.2f}-{each['greatest']:.2f}{bar}"


def ratio_markdown(each):
    return f"**{each['ratio']:.2f}** ({each['least']:.2f}-{each['greatest']:.2f})"


def idle_verdict(each):
    if each["count"] == each["wanted"]:
        return f"at most {each['bar']}: {said(each['megabytes'], each['bar'])}"
    reckoned = each["before"] + each["wanted"] * each["bytes_each"] / 1e6
    return (
        f"at most {each['bar']} with {each['wanted']:,}: not measured, the hard limit of open files forbids it; "
        f"reckoned {reckoned:.0f}")

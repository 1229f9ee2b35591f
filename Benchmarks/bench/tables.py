"""What was measured, as tables for people, and against its bars."""

import statistics

from scenarios import TITLES, TWO_WORKERS


def median(windows, key):
    return statistics.median(window[key] for window in windows)


def ratios(results, scenario, rival, key="cpu_us"):
    """The gateway's figure over a rival's, round by round."""
    windows = results[scenario]
    return [own[key] / other[key] for own, other in zip(windows["floodgate"], windows[rival])]


def verdict(value, bar):
    return "" if bar is None else "held" if value <= bar else "MISSED"


def rows(results, scenario):
    """One row for each server: name and figures; processor time is only told of proxies."""
    for name, windows in results[scenario.name].items():
        figures = {key: median(windows, key) for key in ("cpu_us", "rps", "p50_us", "p99_us", "resident_kib")}
        yield name, figures


def comparisons(results, scenario):
    """One for each rival: its name, the median, least and greatest of the rounds' ratios, the bar."""
    for rival in results[scenario.name]:
        if rival in ("direct", "floodgate"):
            continue
        values = ratios(results, scenario.name, rival)
        yield {
            "rival": rival, "ratio": statistics.median(values), "least": min(values), "greatest": max(values),
            "bar": scenario.bars.get(rival)}


def two_workers(results):
    """The gateway's processor time per request with two workers over that with one."""
    if not {"small64", "small64x2"} <= results.keys():
        return None
    pairs = zip(results["small64x2"]["floodgate"], results["small64"]["floodgate"])
    values = [two["cpu_us"] / one["cpu_us"] for two, one in pairs]
    return {"ratio": statistics.median(values), "least": min(values), "greatest": max(values), "bar": TWO_WORKERS}


def text(results, scenarios):
    lines = []
    for scenario in scenarios:
        lines += ["", scenario.title, f"  {'':<24}{'CPU µs/request':>15}{'requests/s':>12}{'p50 µs':>9}{'p99 µs':>9}{'resident MB':>13}"]
        for name, figures in rows(results, scenario):
            cpu = "" if name == "direct" else f"{figures['cpu_us']:.2f}"
            lines.append(
                f"  {TITLES[name]:<24}{cpu:>15}{figures['rps']:>12.0f}{figures['p50_us']:>9.0f}{figures['p99_us']:>9.0f}"
                f"{figures['resident_kib'] * 1024 / 1e6:>13.1f}")
        for each in comparisons(results, scenario):
            lines.append("  " + sentence(f"Floodgate / {TITLES[each['rival']]}", each))
    both = two_workers(results)
    if both:
        lines += ["", sentence("Floodgate, two workers / one, CPU per request", both)]
    return "\n".join(lines)


def sentence(what, each):
    bar = "" if each["bar"] is None else f"bar {each['bar']:.2f}  {verdict(each['ratio'], each['bar'])}"
    return f"{what:<46} {each['ratio']:.2f} ({each['least']:.2f}-{each['greatest']:.2f})  {bar}".rstrip()


def markdown(results, scenarios):
    lines = [
        "| | | CPU per request | requests/s | p50 | p99 | Floodgate's CPU to its | claimed |",
        "|---|---|---|---|---|---|---|---|"]
    for scenario in scenarios:
        title = scenario.title
        compared = {each["rival"]: each for each in comparisons(results, scenario)}
        for name, figures in rows(results, scenario):
            cpu = "" if name == "direct" else f"{figures['cpu_us']:.1f} µs"
            each = compared.get(name)
            ratio = f"**{each['ratio']:.2f}** ({each['least']:.2f}-{each['greatest']:.2f})" if each else ""
            bar = f"≤ {each['bar']:.2f}, {verdict(each['ratio'], each['bar'])}" if each and each["bar"] else ""
            lines.append(
                f"| {title} | {TITLES[name]} | {cpu} | {figures['rps']:,.0f} | {figures['p50_us']:,.0f} µs | "
                f"{figures['p99_us']:,.0f} µs | {ratio} | {bar} |")
            title = ""
    return "\n".join(lines)

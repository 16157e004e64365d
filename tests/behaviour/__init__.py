"""Rules and dashboards on the real Prometheus: it scrapes, or has in its history, what a played stack exports.

The stack is `world`: two models, one behind prefill and decode groups, whose exporters have the series of real ones and
no others (`world.shapes`). It moves under `Conditions`. There are two ways to look at it:

    def test_over_time(history):                    # an hour and a quarter is there at once: load, outage, recovery
        start, end = history.phases["outage"]
        assert history.prometheus.firing("max(sglang:token_usage) > 0.95", start, end, hold=120)

    def test_live(tmp_path):                        # Prometheus scrapes and evaluates; durations are a sixtieth
        with exporting(World()) as exporter, prometheus(
            tmp_path, rules=shorten(groups), discovery=exporter.discovery
        ) as server:
            exporter.play(replace(LOAD, router_down=True))
            server.wait_for_alert("NoHealthyWorker")
            exporter.play(LOAD)
            server.wait_for_alert("NoHealthyWorker", state=None)
"""

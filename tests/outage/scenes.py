# SPDX-License-Identifier: BSL-1.0
"""The scenes. Each is a generator; its docstring says what happens. It ends its play with a `yield`; when it goes on,
the load has stopped, and it says in `stage.terms` what may be asked of the pool."""

SCENES = {}


def scene(count=3, behind=None, settings=()):
    """Notes a scene with so many servers, behind what, and with these settings of the load."""

    def note(play):
        SCENES[play.__name__.replace("_", "-")] = (play, {"count": count, "behind": behind, "settings": settings})
        return play

    return note


def settle(stage):
    stage.until_requests_ended()
    stage.until_whole()
    stage.until_good_answers()


def killed(stage, least):
    """All that was connected to those that were killed may fail one request each. Of a dying server the connections
    are closed a moment before it stops listening: what it accepts in between is lost as well."""
    doomed = sum(stage.doomed(outage) for outage in stage.outages)
    stage.terms.requests_lost = sum(outage.lost for outage in stage.outages) + doomed
    stage.terms.least = least + doomed
    stage.terms.refuses = True


def discarded(stage):
    """Each lease whose request failed is discarded, and its connection has to be opened again; so has one that the
    pool itself finds broken. After a death, where there are others, a share comes back. What is not broken when its
    server dies is moved as well."""
    stage.terms.least = sum(event["what"] == "closed" and event["reason"] in ("discarded", "broken")
                            for event in stage.load.events)
    returned = stage.share(3) * stage.deaths() if stage.count > 1 else 0
    stage.terms.least += returned
    stage.terms.spare = stage.share(3) * stage.deaths()


def go_through(stage, port, strike, heal):
    """One outage of one server, for as long as it takes until delays are at their longest."""
    outage = stage.strike(port, strike)
    stage.until_delays_are_long()
    stage.heal(outage, heal)
    settle(stage)
    return outage


@scene()
def kill_one(stage):
    """One of three servers is killed, and started again when it is dead and its probes have become slow."""
    server = stage.servers[0]
    outage = stage.strike(server.port, server.kill)
    stage.until_taken_over(server.port)
    stage.until_delays_are_long()
    stage.heal(outage, server.start)
    settle(stage)
    yield
    killed(stage, least=2 * stage.share(3))  # to the others, and back


@scene()
def kill_all(stage):
    """All three are killed; when all are dead they are started again, one by one."""
    outages = [stage.strike(server.port, server.begin_to_die) for server in stage.servers]
    for server, outage in zip(stage.servers, outages):  # together: else the others take over what the first one had
        stage.complete(outage, server.kill)
    stage.until(lambda: stage.now()["state"] == "failed", "the pool had failed")
    stage.until_delays_are_long()
    for server, outage in zip(stage.servers, outages):
        stage.heal(outage, server.start)
        stage.until(lambda: all(stage.row(each.port)["up"] == stage.row(each.port)["planned"] > 0
                                for each in outages if each.healed), "those that are back had their share")
    settle(stage)
    yield
    stage.terms.others = False
    killed(stage, least=stage.share(1) + stage.share(2) + stage.share(3))


@scene()
def rolling(stage):
    """Each in turn is shut down until the others have its share, and started again. The next one when it has its share
    back."""
    for server in stage.servers:
        outage = stage.strike(server.port, server.shut_down)
        stage.until_taken_over(server.port)
        stage.heal(outage, server.start)
        stage.until_whole()
    settle(stage)
    yield
    killed(stage, least=2 * stage.share(3) * stage.count)


@scene()
def bounce(stage):
    """Each in turn is killed, and started again at once."""
    for server in stage.servers:
        outage = stage.strike(server.port, server.kill)
        stage.heal(outage, server.start)
        stage.until_whole()
    settle(stage)
    yield
    killed(stage, least=sum(outage.lost for outage in stage.outages) + stage.share(3) * stage.deaths())


@scene()
def freeze_one(stage):
    """One of three is stopped (SIGSTOP), so that its system still accepts connections, and goes on later."""
    server = stage.servers[0]
    go_through(stage, server.port, server.freeze, server.thaw)
    yield
    discarded(stage)


@scene(count=1)
def freeze_only(stage):
    """The only server stops answering, and closes nothing (SIGSTOP): HikariCP's "bad behaviour"."""
    server = stage.servers[0]
    go_through(stage, server.port, server.freeze, server.thaw)
    yield
    stage.terms.others = False
    discarded(stage)


@scene(count=1, behind="proxy")
def swallow_only(stage):
    """As freeze-only, but what is sent is lost for good: a proxy accepts, and throws all bytes away."""
    port = stage.ports[0]
    go_through(stage, port, lambda: stage.proxy.order("swallow"), lambda: stage.proxy.order("pass"))
    yield
    stage.terms.others = False
    discarded(stage)


@scene(count=1, behind="namespace")
def drop_only(stage):
    """The only server's packets are dropped, both ways, SYNs too: nothing is refused, connects hang (nft, in a network
    namespace)."""
    port = stage.ports[0]
    go_through(stage, port, lambda: stage.namespace.drop(port), stage.namespace.heal)
    yield
    stage.terms.others = False
    stage.terms.connects_hang = True
    discarded(stage)


@scene(behind="namespace")
def drop_one(stage):
    """The packets of one of three are dropped."""
    port = stage.ports[0]
    go_through(stage, port, lambda: stage.namespace.drop(port), stage.namespace.heal)
    yield
    stage.terms.connects_hang = True
    discarded(stage)


@scene(behind="proxy")
def reset_storm(stage):
    """All connections to all three are reset (RST) every 50 ms, by a proxy before each."""
    outages = [stage.strike(port, lambda: None) for port in stage.ports]
    stage.proxy.order("storm 50")
    stage.until_delays_are_long()
    resets = int(stage.proxy.order("calm"))
    for outage in outages:
        stage.heal(outage, lambda: None)
    settle(stage)
    yield
    stage.terms.others = False
    stage.terms.requests_lost = resets
    stage.terms.least = resets
    stage.terms.spare = 2 * stage.share(3) * stage.deaths()


@scene(count=1, behind="proxy")
def hang_up_only(stage):
    """The only server accepts, and hangs up at once (RST). Who gets such a connection discards it."""
    port = stage.ports[0]
    outage = go_through(stage, port, lambda: stage.proxy.order("hang_up"), lambda: stage.proxy.order("pass"))
    yield
    stage.terms.others = False
    stage.terms.least = outage.lost
    # A round goes on until the first of its connections is found broken.
    stage.terms.spare = stage.attempts(outage) * stage.share(1)

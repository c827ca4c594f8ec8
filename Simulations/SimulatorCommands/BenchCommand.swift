import ArgumentParser
import Basis
import Records
import Simulator

/// `peersim bench`: how fast worlds of a tier run here (`simulation.md` 21). Figures, no verdict: machines differ.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures how fast a world of a given size runs here.")

    @Option(help: "Number of peers.") var peers = 100
    @Option(help: "Number of seats.") var seats = 4
    @Option(help: "Simulated seconds.") var seconds: Int64 = 60
    @Option(help: "Transfers a simulated second.") var rate: Int64 = 10
    @Option(help: "Seed.") var seed: UInt64 = 1

    func run() throws {
        var world = World(plan: plan(), seed: seed)
        let clock = ContinuousClock()
        let began = clock.now
        _ = world.run()
        let took = began.duration(to: clock.now)
        let millis = max(1, took.components.seconds * 1_000 + took.components.attoseconds / 1_000_000_000_000_000)
        print("outcome \(world.outcome?.word ?? "none")")
        if case .violated(let violation)? = world.outcome {
            print("at \(violation.at) peers \(violation.peers): \(violation.expected); found \(violation.found)")
        }
        print("events \(world.events) in \(millis) ms: \(world.events * 1_000 / UInt64(millis)) events/s")
        print("simulated \(world.elapsed.milliseconds) ms: \(world.elapsed.milliseconds / millis) x")
        print("trace \(String(world.traceHash, radix: 16))")
        for figure in world.record().figures { print("\(figure.name) \(figure.value)") }
    }

    private func plan() -> Plan {
        let all = (0..<peers).map { i in
            Plan.Peer(
                address: SocketAddress(v4: 0x0b00_0001 + UInt32(i % 200) << 16 + UInt32(i / 200), port: 7_717),
                role: i < seats ? .seat : .observer, startsAt: .milliseconds(Int64(i) * 50))
        }
        var plan = Plan(name: "bench", why: "How fast a world runs.", peers: all)
        plan.boot = .seconds(30)
        plan.calmAt = .seconds(seconds)
        plan.duration = .seconds(seconds + 120)
        plan.limits = .production
        for k in 0..<max(0, (seconds - 30) * rate) {
            plan.operations.append(
                Operation(
                    id: Int(k), at: .seconds(30) + .milliseconds(k * 1_000 / rate), by: Int(k) % peers,
                    kind: .transfer(to: Int(k + 1) % peers, micro: 1_000)))
        }
        plan.must = [Must(.oneComponent), Must(.heightsEqual)]
        return plan
    }
}

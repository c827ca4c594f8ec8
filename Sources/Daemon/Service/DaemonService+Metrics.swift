import Consensus
public import API
import Basis
import Credits
import Foundation
import Glibc
import NodeCore
import Records
import Storage

extension DaemonService {
    public func metrics() async throws(Problem) -> [MetricFamily] {
        var families = await node.metricFamilies(self)
        families += ProcessMetrics.families()
        let blobs = parts.blobs.counts
        families.append(
            .init(
                name: "peernode_blob_bytes", kind: .gauge, help: "Bytes in the blob store.",
                samples: [
                    .init(Double(blobs.bytes), labels: [("kind", "stored")]),
                    .init(Double(blobs.reservedBytes), labels: [("kind", "reserved")]),
                ]))
        return families
    }
}

extension NodeActor {
    func metricFamilies(_ service: DaemonService) -> [MetricFamily] {
        func gauge(_ name: String, _ help: String, _ samples: [MetricFamily.Sample]) -> MetricFamily {
            MetricFamily(name: name, kind: .gauge, help: help, samples: samples)
        }
        let outbound = core.linked.values.filter { $0 }.count
        let readiness = readinessDocument()
        let (state, _) = nodeState(isLeaving: service.parts.isLeaving(), isReady: readiness.ready)
        let counts = networkDocument(alarms: []).peers
        var all = [
            gauge(
                "peernode_build_info", "Version and protocol.",
                [
                    .init(1, labels: [("version", service.parts.version), ("protocol", "1")])
                ]),
            gauge(
                "peernode_node_state", "1 for the state of the node.",
                [
                    .init(1, labels: [("state", state.rawValue)])
                ]),
            gauge(
                "peernode_links", "Links that are up.",
                [
                    .init(Double(core.linked.count - outbound), labels: [("direction", "inbound")]),
                    .init(Double(outbound), labels: [("direction", "outbound")]),
                ]),
            gauge(
                "peernode_peers", "Peers known here.",
                [
                    .init(Double(counts.linked), labels: [("state", "linked")]),
                    .init(Double(counts.known), labels: [("state", "known")]),
                    .init(Double(counts.stale), labels: [("state", "stale")]),
                    .init(Double(counts.left), labels: [("state", "left")]),
                ]),
            MetricFamily(
                name: "peernode_gossip_bytes_total", kind: .counter, help: "Bytes on the sockets of peers.",
                samples: [
                    .init(Double(bytesMoved.inward), labels: [("direction", "in"), ("class", "all")]),
                    .init(Double(bytesMoved.outward), labels: [("direction", "out"), ("class", "all")]),
                ]),
            gauge(
                "peernode_alarms", "Alarms since the start.", [.init(Double(alarms.count), labels: [("kind", "all")])]
            ),
            gauge(
                "peernode_tasks_running", "Tasks that take a slot.",
                [
                    .init(Double(work.values.filter { $0.isBusy }.count))
                ]),
        ]
        guard let log = core.log else { return all }
        let scene = LedgerScene(log: log, store: parts.store)
        let own = log.ledger.account(log.account)
        let facts = log.replica.facts()
        let supply = log.ledger.supply
        all += [
            gauge("peernode_ledger_height", "Height executed here.", [.init(Double(scene.height))]),
            gauge("peernode_ledger_epoch", "Epoch of the log.", [.init(Double(log.ledger.clock.epoch))]),
            gauge(
                "peernode_ledger_behind_seconds", "Age of the newest block while catching up.",
                [
                    .init(Double(LedgerTexts.behind(scene)) / 1_000)
                ]),
            gauge(
                "peernode_seats", "Seats by state.",
                [
                    .init(Double(facts.heard.count), labels: [("state", "live")]),
                    .init(Double(facts.missing.count), labels: [("state", "silent")]),
                ]),
            gauge(
                "peernode_credit_micro", "Credit of the own account.",
                [
                    .init(Double(own?.available.micro ?? 0), labels: [("kind", "available")]),
                    .init(Double(own?.held.micro ?? 0), labels: [("kind", "held")]),
                ]),
            gauge(
                "peernode_supply_micro", "All credit.",
                [
                    .init(Double(supply.available), labels: [("kind", "available")]),
                    .init(Double(supply.escrow), labels: [("kind", "escrow")]),
                    .init(Double(supply.treasury), labels: [("kind", "treasury")]),
                ]),
            gauge(
                "peernode_supply_conserved", "1 if the sums of all credit agree.",
                [
                    .init(supply.isConserved ? 1 : 0)
                ]),
        ]
        return all
    }
}

/// What the operating system knows of this process.
enum ProcessMetrics {
    static func families() -> [MetricFamily] {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        let statm = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = statm.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
        return [
            .init(
                name: "peernode_process_resident_bytes", kind: .gauge, help: "Memory in use.",
                samples: [.init(pages * Double(sysconf(Int32(_SC_PAGESIZE))))]),
            .init(
                name: "peernode_process_cpu_seconds_total", kind: .counter, help: "CPU time since the start.",
                samples: [.init(seconds(usage.ru_utime) + seconds(usage.ru_stime))]),
            .init(
                name: "peernode_process_open_files", kind: .gauge, help: "Open descriptors.",
                samples: [.init(Double(files))]),
        ]
    }
}

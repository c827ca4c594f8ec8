import API
import Basis
import Daemon
import Foundation
import Glibc

/// Steps 5 to 8: the answer, its receipt, the money, and nothing left behind.
extension Demo {
    /// 5: the certified bytes are what this process counts itself.
    func compareResult() async throws -> String {
        output = try await entry.client.bytes(ClientRequest(ClientRequest.path("v1", "jobs", job, "stdout")))
        guard let text = FileManager.default.contents(atPath: DemoJob.text) else {
            throw DemoFailure("\(DemoJob.text) cannot be read any more")
        }
        let own = Array(DemoJob.count([UInt8](text)).prefix(DemoJob.shown))
        let found = DemoJob.read(output)
        try DemoFailure.require(
            found.map(\.word) == own.map(\.word) && found.map(\.count) == own.map(\.count),
            "certified are \(found), counted here \(own)")
        document.topWords = found.map { .init(word: $0.word, count: $0.count) }
        return found.prefix(8).map { "\($0.word) \($0.count)" }.joined(separator: ", ") + ", …"
    }

    /// 6: the receipt holds without any node, home or variable; with one bit changed it does not.
    func checkReceipt() async throws -> String {
        let bytes = try await JobReceipts.fetch(job, entry.client)
        let whole = folder + "/demo.receipt"
        let damaged = folder + "/damaged.receipt"
        var changed = bytes
        changed[bytes.count / 2] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: whole))
        try Data(changed).write(to: URL(fileURLWithPath: damaged))
        let genesis = peers[0].home + "/genesis.yaml"
        let said = try await DemoPeer.command(
            ["receipt", "verify", whole, "--network", genesis], in: folder, environment: [:])
        try DemoFailure.require(said.hasPrefix("valid"), "the receipt's check said: \(said)")
        let refused = try await DemoPeer.command(
            ["receipt", "verify", damaged, "--network", genesis], in: folder, environment: [:], expecting: 3)
        try DemoFailure.require(refused.hasPrefix("invalid"), "the damaged receipt's check said: \(refused)")
        document.receipt = try await entry.get(JobDocument.self, ClientRequest.path("v1", "jobs", job)).receipt
        document.verdict = .value("valid")
        let check = refused.dropFirst("invalid: ".count).prefix { $0 != ":" && $0 != "\n" }
        document.tampered = .value("invalid: \(check)")
        return "receipt valid without any node; with one bit changed: invalid (\(check))"
    }

    /// 7: what the submitter paid is what the workers earned and the fees that were burned.
    func checkPayment() async throws -> String {
        guard let killed else { throw DemoFailure("nobody was killed") }
        let after = try await settledBalances()
        // Offers, commits and reveals cost no fee; the job's opening does.
        let last = peers.count - 1
        let paid = Int64(before[last]) - Int64(after[last])
        let gains = peers.indices.dropLast().map { Int64(after[$0]) - Int64(before[$0]) }
        guard let burnedBefore = document.supply?.burnedMicro.value else { throw DemoFailure("no supply is known") }
        let supply = try await supply()
        let fee = supply.burnedMicro.value - burnedBefore
        try DemoFailure.require(
            paid == gains.reduce(0, +) + Int64(fee), "paid \(paid), earned \(gains), fees \(fee) micro-credits")
        try DemoFailure.require(
            gains[killed.number - 1] == 0, "\(killed.name) was killed and got \(gains[killed.number - 1])")
        try DemoFailure.require(
            gains.filter { $0 > 0 }.count == 3 && gains.allSatisfy { $0 >= 0 }, "not three earned: \(gains)")
        try DemoFailure.require(
            supply.nowMicro.value == after.reduce(0, +),
            "the supply is \(supply.nowMicro.value), accounts hold \(after)")
        tellBalances(after, supply)
        let workers = gains.indices.filter { gains[$0] > 0 }.map { String(peers[$0].number) }
        return "\(entry.name) \(Demo.plain(before[last])) → \(Demo.plain(after[last])) | peers "
            + "\(workers.joined(separator: ", ")) earned \(Demo.plain(UInt64(gains.reduce(0, +)))) | fee "
            + "\(Demo.plain(fee)) burned | supply "
            + "\(Demo.plain(supply.nowMicro.value)) = \(Demo.plain(supply.genesisMicro.value)) − "
            + Demo.plain(supply.burnedMicro.value)
    }

    /// 7 where nothing can be run: a transfer in place of the job.
    func checkTransfer() async throws -> String {
        let amount: UInt64 = 1_000_000
        let sent = try await entry.client.create(
            TransactionDocument.self,
            ClientRequest(
                "POST", "/v1/transfers",
                body: .bytes(
                    Array(#"{"to":[{"account":"\#(peers[0].account)","amountMicro":"\#(amount)"}]}"#.utf8),
                    mediaType: "application/json")))
        _ = try await wait(.seconds(20), { "the transfer is not final" }) {
            let now = try await entry.get(TransactionDocument.self, ClientRequest.path("v1", "transactions", sent.id))
            return now.state == .final ? true : nil
        }
        let after = try await balances()
        let supply = try await supply()
        let last = peers.count - 1
        let fee = supply.burnedMicro.value - (document.supply?.burnedMicro.value ?? 0)
        try DemoFailure.require(
            before[last] - after[last] == amount + fee && after[0] - before[0] == amount,
            "before \(before), after \(after), fee \(fee)")
        try DemoFailure.require(supply.nowMicro.value == after.reduce(0, +), "the accounts hold \(after)")
        tellBalances(after, supply)
        return "\(entry.name) paid peer 1 \(Demo.plain(amount)) | fee \(Demo.plain(fee)) burned | supply "
            + Demo.plain(supply.nowMicro.value)
    }

    /// 8: SIGTERM; no process, socket or file is left.
    func stop() async throws -> String {
        for peer in living { peer.process?.signal(SIGTERM) }
        for peer in living {
            guard let code = await peer.process?.wait(.seconds(20)) else {
                throw DemoFailure("\(peer.name) does not stop")
            }
            try DemoFailure.require(code == 0, "\(peer.name) stopped with exit code \(code)")
        }
        // The killed one's sandboxes end with it, as soon as the kernel has told them.
        _ = try await wait(.seconds(5), { "processes are left: \(ChildProcess.naming(folder))" }) {
            ChildProcess.naming(folder).isEmpty ? true : nil
        }
        try FileManager.default.removeItem(atPath: folder)
        return "stopped, nothing left behind"
    }

    /// 8 with `--keep`: the living peers go on.
    func keep() async throws -> String {
        for peer in living { try peer.expectAlive() }
        return "\(living.count) peers go on"
    }

    // MARK: below their use

    /// Balances once nothing of the job is held any more.
    private func settledBalances() async throws -> [UInt64] {
        try await wait(.seconds(20), { "credit is still held for the job" }) {
            let account = try await entry.get(
                AccountDocument.self, ClientRequest.path("v1", "accounts", entry.account))
            return account.heldMicro.value == 0 ? try await balances() : nil
        }
    }

    private func tellBalances(_ after: [UInt64], _ supply: DemoDocument.Supply) {
        document.balances = peers.indices.map {
            .init(number: peers[$0].number, beforeMicro: Micro(before[$0]), afterMicro: Micro(after[$0]))
        }
        document.supply = supply
    }

    /// An amount without its unit, such as 999.36.
    static func plain(_ micro: UInt64) -> String {
        let text = CreditText.format(CreditAmount(micro: micro))
        return text.hasSuffix(" cr") ? String(text.dropLast(3)) : text
    }
}

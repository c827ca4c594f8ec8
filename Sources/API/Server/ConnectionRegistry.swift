import NIOConcurrencyHelpers
import NIOCore

/// The connections that are open, so that `stop` can end those that do not end by themselves.
///
/// A class because both listeners share it; a lock guards its state.
final class ConnectionRegistry: Sendable {
    private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    /// Keeps a connection until it is closed.
    func add(_ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        channels.withLockedValue { $0[key] = channel }
        channel.closeFuture.whenComplete { _ in
            self.channels.withLockedValue { $0[key] = nil }
        }
    }

    /// Closes every connection, whatever it is doing.
    func closeAll() {
        for channel in channels.withLockedValue({ Array($0.values) }) {
            channel.close(promise: nil)
        }
    }
}

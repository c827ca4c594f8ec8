import Basis
import CLibuv
import Glibc
import Loop

/// One end of a pipe on the loop.
///
/// Bytes that arrive are lent to `onBytes` for the call; `onEnd` comes once, at end of file or on an error (which for a
/// pipe means the same: nothing more will come). Writes are queued and never block.
final class UVPipe: UVHandle {
    private var onBytes: ((UnsafeRawBufferPointer) -> Void)?
    private var onEnd: (() -> Void)?
    private let buffer: ReadBuffer?
    private(set) var isAtEnd = false
    /// Bytes queued and not yet taken by the kernel.
    private(set) var queuedBytes = 0
    /// Close as soon as nothing is queued.
    private var closesWhenDrained = false

    /// Takes over `fd`, which must not block. It is closed with the handle, also if this fails.
    init(_ loop: UVLoop, fd: Int32, buffer: ReadBuffer? = nil) throws(UVError) {
        self.buffer = buffer
        do throws(UVError) {
            try super.init(loop, UV_NAMED_PIPE, attempt: "make a pipe") { loop, memory in
                uv_pipe_init(loop, memory.assumingMemoryBound(to: uv_pipe_t.self), 0)
            }
        } catch {
            Glibc.close(fd)
            throw error
        }
        let opened = uv_pipe_open(structure(uv_pipe_t.self), fd)
        if opened < 0 {
            Glibc.close(fd)
            close()
            throw UVError("open a pipe", code: opened)
        }
    }

    func read(onBytes: @escaping (UnsafeRawBufferPointer) -> Void, onEnd: @escaping () -> Void) {
        self.onBytes = onBytes
        self.onEnd = onEnd
        let result = uv_read_start(
            structure(uv_stream_t.self), { UVPipe.lend($0, $1, $2) }, { UVPipe.arrived($0, $1, $2) })
        if result < 0 { end() }
    }

    /// Queues `bytes`. If the other side is gone they are dropped.
    func write(_ bytes: [UInt8], thenClose: Bool = false) {
        if !isOpen { return }
        if thenClose { closesWhenDrained = true }
        if bytes.isEmpty {
            if thenClose && queuedBytes == 0 { close() }
            return
        }
        let request = WriteRequest.make(bytes, for: self)
        var buffer = request.buffer
        let result = uv_write(request.request, structure(uv_stream_t.self), &buffer, 1) {
            WriteRequest.finish($0, $1)
        }
        if result < 0 {
            request.free()
            if thenClose { close() }
        } else {
            queuedBytes += bytes.count
        }
    }

    override func didClose() {
        onBytes = nil
        onEnd = nil
    }

    fileprivate func written(_ count: Int) {
        queuedBytes -= count
        if closesWhenDrained && queuedBytes == 0 { close() }
    }

    private func end() {
        if isAtEnd { return }
        isAtEnd = true
        let call = onEnd
        close()
        call?()
    }

    private static func lend(
        _ handle: UnsafeMutablePointer<uv_handle_t>?, _ size: Int, _ out: UnsafeMutablePointer<uv_buf_t>?
    ) {
        guard let pipe = UVHandle.owner(handle) as? UVPipe, let buffer = pipe.buffer else {
            unreachable("a pipe without a buffer is read")
        }
        out?.pointee = uv_buf_init(buffer.memory, UInt32(ReadBuffer.size))
    }

    private static func arrived(
        _ stream: UnsafeMutablePointer<uv_stream_t>?, _ count: Int, _ buffer: UnsafePointer<uv_buf_t>?
    ) {
        guard let data = stream?.pointee.data else { unreachable("a pipe without its owner") }
        let pipe = Unmanaged<UVPipe>.fromOpaque(data).takeUnretainedValue()
        if count < 0 { return pipe.end() }
        if count == 0 { return }
        pipe.onBytes?(UnsafeRawBufferPointer(start: buffer?.pointee.base, count: count))
    }
}

/// Memory that all readers of a loop share: what it holds is used up before the next read.
final class ReadBuffer {
    static let size = 64 << 10
    let memory = UnsafeMutablePointer<CChar>.allocate(capacity: ReadBuffer.size)
    deinit { memory.deallocate() }
}

/// One write: libuv's request and a copy of the bytes in one block, freed when the write has ended.
private struct WriteRequest {
    let request: UnsafeMutablePointer<uv_write_t>
    let bytes: UnsafeMutablePointer<CChar>
    let count: Int

    private final class Owner {
        let pipe: UVPipe
        let bytes: UnsafeMutablePointer<CChar>
        let count: Int
        init(_ pipe: UVPipe, _ bytes: UnsafeMutablePointer<CChar>, _ count: Int) {
            self.pipe = pipe
            self.bytes = bytes
            self.count = count
        }
    }

    static func make(_ source: [UInt8], for pipe: UVPipe) -> WriteRequest {
        let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
        let bytes = UnsafeMutablePointer<CChar>.allocate(capacity: source.count)
        source.withUnsafeBytes { raw in
            if let base = raw.baseAddress { memcpy(bytes, base, raw.count) }
        }
        let owner = Owner(pipe, bytes, source.count)
        request.pointee.data = Unmanaged.passRetained(owner).toOpaque()
        return WriteRequest(request: request, bytes: bytes, count: source.count)
    }

    var buffer: uv_buf_t { uv_buf_init(bytes, UInt32(count)) }

    func free() {
        Unmanaged<Owner>.fromOpaque(request.pointee.data).release()
        bytes.deallocate()
        request.deallocate()
    }

    static func finish(_ request: UnsafeMutablePointer<uv_write_t>?, _ status: Int32) {
        guard let request else { unreachable("a write without its request") }
        let owner = Unmanaged<Owner>.fromOpaque(request.pointee.data).takeRetainedValue()
        owner.bytes.deallocate()
        request.deallocate()
        owner.pipe.written(owner.count)
    }
}

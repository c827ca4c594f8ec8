import Basis
import Glibc
import Testing
import Trust
import Wire

@testable import Sodium

@Suite struct SigningTests {
    /// Shows that this machine's library passes, and that each rule has a vector: a verifier that lets one vector
    /// through wrongly is refused by name.
    @Test func selfTestHoldsTheLibraryToEachRule() throws {
        try sodiumReady()
        struct Off: Verifying {
            let wrong: Signature
            let of: String
            func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
                let verdict = SodiumVerifier().isValid(signature, of: message, by: key)
                return signature == wrong && key.hex == of ? !verdict : verdict
            }
        }
        #expect(VerdictVector.all.count >= 30)
        for vector in VerdictVector.all where vector.name != "message altered" && vector.name != "ordinary" {
            let bytes = try #require([UInt8](hex: vector.signature))
            let off = Off(wrong: try #require(Signature(bytes)), of: vector.key)
            #expect(throws: SodiumError.selfTest(vector.name)) { try selfTest(off) }
        }
    }

    /// Shows RFC 8032 test 2: key, signature, and refusal under every flipped bit of the signature's first bytes.
    @Test func knownKey() throws {
        let seed = try #require(
            Bytes32(hex: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
        let key = SecretKey(seed: seed)
        #expect(
            key.publicKey.hex == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        let signature = key.sign([0x72])
        #expect(
            signature.bytes.hex
                == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
        #expect(SodiumVerifier().isValid(signature, of: [0x72], by: key.publicKey))
        #expect(key.exportSeed() == seed)
        for bit in 0..<512 {
            var bytes = signature.bytes
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let other = try #require(Signature(bytes))
            #expect(!SodiumVerifier().isValid(other, of: [0x72], by: key.publicKey))
        }
    }

    /// Shows that a signature of one kind or network is none of another.
    @Test func kindsDoNotMix() {
        let key = SecretKey.random()
        let network = NetworkID(repeating: 7)
        let signature = key.sign(.record, network: network, body: [1, 2])
        let verifier = SodiumVerifier()
        #expect(verifier.isValid(signature, .record, network: network, body: [1, 2], by: key.publicKey))
        #expect(!verifier.isValid(signature, .lease, network: network, body: [1, 2], by: key.publicKey))
        #expect(
            !verifier.isValid(
                signature, .record, network: NetworkID(repeating: 8), body: [1, 2], by: key.publicKey))
    }

    /// Shows a round trip through a file of mode 0600, and each refusal by the file that causes it.
    @Test func keyFiles() throws {
        let folder = "/tmp/peernode-key-\(getpid())-\(randomBytes(4).hex)"
        #expect(mkdir(folder, 0o700) == 0)
        let path = folder + "/identity.key"
        defer {
            for name in ["", ".link", ".long"] { unlink(path + name) }
            rmdir(folder)
        }
        #expect(throws: KeyFileError.missing(path: path)) { try SecretKey.load(from: path) }
        let key = SecretKey.random()
        try key.save(to: path)
        var facts = stat()
        #expect(stat(path, &facts) == 0 && facts.st_mode & 0o7777 == 0o600 && facts.st_size == 32)
        #expect(try SecretKey.load(from: path).publicKey == key.publicKey)
        #expect(throws: KeyFileError.exists(path: path)) { try SecretKey.random().save(to: path) }
        #expect(try SecretKey.load(from: path).publicKey == key.publicKey)
        for mode: UInt32 in [0o640, 0o604, 0o660, 0o610] {
            chmod(path, mode)
            #expect(throws: KeyFileError.tooOpen(path: path, mode: mode)) { try SecretKey.load(from: path) }
        }
        chmod(path, 0o400)
        #expect(try SecretKey.load(from: path).publicKey == key.publicKey)
        #expect(symlink(path, path + ".link") == 0)
        #expect(throws: KeyFileError.notAKey(path: path + ".link")) {
            try SecretKey.load(from: path + ".link")
        }
        let long = open(path + ".long", O_WRONLY | O_CREAT, 0o600)
        #expect(write(long, [UInt8](repeating: 1, count: 33), 33) == 33)
        close(long)
        #expect(throws: KeyFileError.notAKey(path: path + ".long")) {
            try SecretKey.load(from: path + ".long")
        }
    }

    @Test func randomnessDiffers() {
        #expect(randomBytes(32) != randomBytes(32))
        #expect(randomBytes(0).isEmpty && randomBytes(5).count == 5)
        #expect(SecretKey.random().publicKey != SecretKey.random().publicKey)
    }
}

/// One case of the signature verdict of `ledger.md` 1.3.
///
/// Made offline with plain integer arithmetic of the curve from one secret scalar; the messages were searched so that
/// the torsion component of A vanishes or remains under `k`. Every case called invalid by rules 1 to 3 alone satisfies
/// the equation of rule 4, so it fails a library that leaves its rule out.
struct VerdictVector: Sendable {
    let name: String
    /// Hexadecimal.
    let key: String
    let message: String
    /// Hexadecimal, R then S.
    let signature: String
    let isValid: Bool

    init(_ name: String, _ key: String, _ message: String, _ signature: String, _ isValid: Bool) {
        self.name = name
        self.key = key
        self.message = message
        self.signature = signature
        self.isValid = isValid
    }

    static let all: [VerdictVector] = [
        VerdictVector(
            "ordinary",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "ordinary 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "39bd818b3447bbf24ad6951bb1f4b775407b107344eaa878410310d598c31807", true),
        VerdictVector(
            "message altered",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "ordinary 0.",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "39bd818b3447bbf24ad6951bb1f4b775407b107344eaa878410310d598c31807", false),
        VerdictVector(
            "S plus order",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "ordinary 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "269177e84eaacd4a21738dbe8fee968a407b107344eaa878410310d598c31817", false),
        VerdictVector(
            "S plus 8 orders",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "ordinary 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "a15c307307604eb3fdbc5233a6c3af1c417b107344eaa878410310d598c31887", false),
        VerdictVector(
            "S top bit set",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "ordinary 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "39bd818b3447bbf24ad6951bb1f4b775407b107344eaa878410310d598c31887", false),
        VerdictVector(
            "A torsion 2, vanishes",
            "6555aa1950112769f5ce6e21879ffcb8247532f5c86abed0d8a0fb6479d9fb77", "A torsion 2, vanishes 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "13fe14576df73d744d1cd1a0d8ab042c0a846a151e60fcbdfecdb134fd27180d", true),
        VerdictVector(
            "A torsion 2, remains",
            "6555aa1950112769f5ce6e21879ffcb8247532f5c86abed0d8a0fb6479d9fb77", "A torsion 2, remains 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "de116a1d2c45d8f8e923911a34994916a59b29a3523a3386dc12cebbe2f75907", false),
        VerdictVector(
            "R torsion 2",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "R torsion 2 0",
            "afab3bbe6d8060f11a1ec1cb0f4fbfb3afbc9ae570b4810f785e3bdd9d57a2f5"
                + "b8721bde4cee409af93e356a7896bd7fe54a903de95c152fec915fdbdd160308", false),
        VerdictVector(
            "A and R torsion 2, cancel",
            "6555aa1950112769f5ce6e21879ffcb8247532f5c86abed0d8a0fb6479d9fb77", "A and R torsion 2, cancel 0",
            "afab3bbe6d8060f11a1ec1cb0f4fbfb3afbc9ae570b4810f785e3bdd9d57a2f5"
                + "f1b6801081454401f4b2cddc80732696d7071e1edcd810f7f13ccce26f663401", true),
        VerdictVector(
            "R small order 2",
            "6555aa1950112769f5ce6e21879ffcb8247532f5c86abed0d8a0fb6479d9fb77", "R small order 2 1",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
                + "5a273511ecda548bd24995ccbeb50ea266e75d0a100a425d54d1066e80839c08", false),
        VerdictVector(
            "A small order 2",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "A small order 2 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "A torsion 4, vanishes",
            "eff834761ac7ca82981eafef8901118904d85b7afafba51d0fd950657f0b8ee8", "A torsion 4, vanishes 2",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "3136bea4afd1a6ddec148e628472088b2a1382ea3a8a2af9ac921df2eaf20e08", true),
        VerdictVector(
            "A torsion 4, remains",
            "eff834761ac7ca82981eafef8901118904d85b7afafba51d0fd950657f0b8ee8", "A torsion 4, remains 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "1047b61d775c9a21f20f21ad3ae24a6f0b34d9c042b0f874be8f90874335bf0d", false),
        VerdictVector(
            "R torsion 4",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "R torsion 4 0",
            "1a0eb647990e5b1297c67b2214fff5bc2f122b83570790112e5218ed371febbf"
                + "5f9888a910ee4131703cbb20203d695eafa6c546eed6fefaa2e9a277bfef230b", false),
        VerdictVector(
            "A and R torsion 4, cancel",
            "eff834761ac7ca82981eafef8901118904d85b7afafba51d0fd950657f0b8ee8", "A and R torsion 4, cancel 0",
            "1a0eb647990e5b1297c67b2214fff5bc2f122b83570790112e5218ed371febbf"
                + "9c2abd2cbfce94a6b858d2420dc7304f3b761fbe3e6194ad6db8bd7e855a3f00", true),
        VerdictVector(
            "R small order 4",
            "eff834761ac7ca82981eafef8901118904d85b7afafba51d0fd950657f0b8ee8", "R small order 4 3",
            "0000000000000000000000000000000000000000000000000000000000000080"
                + "d67c4e70fd8f87ee96120649875be7f647cb06a308924ad2df7e3ae8ceb2420b", false),
        VerdictVector(
            "A small order 4",
            "0000000000000000000000000000000000000000000000000000000000000080", "A small order 4 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "A torsion 8, vanishes",
            "99555efe5dbf5b50b6fb4d8c38ee05c4ea8a97011c08e11366e8c8c00e8ce5d5", "A torsion 8, vanishes 12",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "d83cce75204007efd188e35441ae8caa2ba9cc58b908f56f3cf0ea526f585104", true),
        VerdictVector(
            "A torsion 8, remains",
            "99555efe5dbf5b50b6fb4d8c38ee05c4ea8a97011c08e11366e8c8c00e8ce5d5", "A torsion 8, remains 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "674e7751876e8e3054c927a705cce9a0f0ae89dda51902bd735b947b9d1cce0a", false),
        VerdictVector(
            "R torsion 8",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "R torsion 8 0",
            "5b61c2e3b93e6c06450f327ea72cdfeb8cde6aa020d2dd827ab3f86e708c8393"
                + "e8b10a6ffda5c8f8a4e54a9a0d070911ec3d585f5a3b43563b5e3e24ea88010c", false),
        VerdictVector(
            "A and R torsion 8, cancel",
            "99555efe5dbf5b50b6fb4d8c38ee05c4ea8a97011c08e11366e8c8c00e8ce5d5", "A and R torsion 8, cancel 10",
            "5b61c2e3b93e6c06450f327ea72cdfeb8cde6aa020d2dd827ab3f86e708c8393"
                + "6f652a72765dc0d8168040af4bc6e6ac2072dbd54ef823dd3ffade8070a8cd01", true),
        VerdictVector(
            "R small order 8",
            "99555efe5dbf5b50b6fb4d8c38ee05c4ea8a97011c08e11366e8c8c00e8ce5d5", "R small order 8 10",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
                + "2811b1b23305105a040f2765266d32295db51378d4231a0cee43552da63bfd0c", false),
        VerdictVector(
            "A small order 8",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "A small order 8 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "R identity",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "R identity 0",
            "0100000000000000000000000000000000000000000000000000000000000000"
                + "119ad6cfcb84b0c23295484c4568ba3064fe28c72c174bc0fa2328fdc79c920b", false),
        VerdictVector(
            "A identity",
            "0100000000000000000000000000000000000000000000000000000000000000", "A identity 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "R identity, y not reduced",
            "88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488", "R identity, y not reduced 0",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
                + "b34c039cf153c81022d6f622bda4b5dec3ba4d81989e3cdf34380cc9ebc8d70c", false),
        VerdictVector(
            "A identity, y not reduced",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "A identity, y not reduced 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "A identity, sign set",
            "0100000000000000000000000000000000000000000000000000000000000080", "A identity, sign set 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "A order 2, sign set",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "A order 2, sign set 2",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "A order 4, y not reduced",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "A order 4, y not reduced 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "A order 4, y not reduced, sign set",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "A order 4, y not reduced, sign set 9",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "2e77a7db3b2f65a47efd3cf9bbe5f05486e88756c8cc06c7691f6d5679727502", false),
        VerdictVector(
            "A large order, y not reduced",
            "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "A large order, y not reduced 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "6127168de18cc863b582103cf14ed3da5135211cd98d1b1dfc00e8b109645902", false),
        VerdictVector(
            "A not on the curve",
            "0200000000000000000000000000000000000000000000000000000000000000", "A not on the curve 0",
            "3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a"
                + "8ebaf2812cda4d60697879893edd836e9feb50068b380ace1328d27850cdc502", false),
    ]
}

/// `H("peernode/empty/v1")`.
let selfTestEmptyHash =
    "fbad0b52141ccdd67893a7748e641c4516d2c41ba93632e7b0f02914dbbfdcc1"

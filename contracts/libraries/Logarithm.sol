// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Binary logarithm and power in units of 2^-32, never too high, the same on every machine
/// @notice Mirrors `python/rlhf_contract/lang/logarithm.py`; the meaning is in `spec/opcodes.md`.
/// @dev The two tables of `spec/log2.json` are computed where they are read: their 2,049 entries would take 9 KB of code,
/// and as many steps to load. A test holds every entry against the file.
library Logarithm {
    uint256 private constant LN2 = 186_065_279; // 2^28 * ln 2
    uint256 private constant ONE = 127; // inside the tables, 1 is 2^127

    /// @notice The logarithm of `a`; 0 if `a` is below 1.
    function log2(int64 a) internal pure returns (int64) {
        if (a < 1) return 0;
        uint256 x = uint64(a);
        uint256 high = Math.log2(x);
        uint256 mantissa = ((x << 42) >> high) & (2 ** 42 - 1);
        uint256 start = logarithm(mantissa >> 32);
        uint256 step = logarithm((mantissa >> 32) + 1) - start;
        return int64(uint64((high << 32) + start + ((step * uint32(mantissa)) >> 32)));
    }

    /// @notice 2 to the power of `a`; 0 if `a` is negative.
    /// @dev From 2^63 on the result is not exact, only above 64 bits as it must be.
    function exp2(int64 a) internal pure returns (int256) {
        if (a < 0) return 0;
        uint256 part = uint32(uint64(a));
        uint256 start = power(part >> 22);
        uint256 value = start + ((((start * LN2) >> 28) * (part & (2 ** 22 - 1))) >> 32);
        return int256((value << Math.min(uint64(a) >> 32, 63)) >> 32);
    }

    /// @notice `log[i]`: 2^32 * log2(1 + i / 1024), rounded down, for i up to 1024.
    /// @dev Squaring doubles a logarithm, so each time its next bit is whether the square has reached 2.
    function logarithm(uint256 i) internal pure returns (uint256 result) {
        unchecked {
            uint256 x = (1024 + i) << (ONE - 10);
            for (uint256 n = 0; n <= 32; ++n) {
                uint256 bit = x >> (ONE + 1);
                result = (result << 1) | bit;
                x >>= bit;
                x = (x * x) >> ONE;
            }
        }
    }

    /// @notice `exp[i]`: 2^32 * 2^(i / 1024), rounded down, for i up to 1023.
    /// @dev A root halves a logarithm, so each bit of i, from the lowest, is a factor of 2 under one more root.
    function power(uint256 i) internal pure returns (uint256) {
        unchecked {
            uint256 x = 1 << ONE;
            for (uint256 n = 0; n < 10; ++n) x = Math.sqrt(x << (ONE + ((i >> n) & 1)));
            return x >> (ONE - 32);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The reward machine on chain: one row, one program, the same integer as everywhere else
/// @notice Mirrors `python/rlhf_contract/machine/step.py` function by function; the encoding is `spec/opcodes.md`.
/// @dev Assumption: the program is one that `machine/program.py` reads without complaint, since voters adopt no other.
/// Types and unreachable code are not looked at again; whatever could lead the machine astray has a named error.
library RewardMachine {
    uint8 internal constant REWARDED = 0;
    uint8 internal constant INADMISSIBLE = 1;
    uint8 internal constant INVALID = 2;
    int64 internal constant ABSENT = type(int64).min;

    uint24 private constant MAGIC_AND_VERSION = 0x4C4201; // "LB", 1
    uint256 private constant HEADER = 5;
    uint256 private constant SIGNAL_ENTRY = 17;

    uint8 private constant SIGNAL = 0x01;
    uint8 private constant CONST = 0x02;
    uint8 private constant ADD = 0x10;
    uint8 private constant SUB = 0x11;
    uint8 private constant MUL = 0x12;
    uint8 private constant MIN = 0x13;
    uint8 private constant MAX = 0x14;
    uint8 private constant FLOORDIV = 0x15;
    uint8 private constant LT = 0x20;
    uint8 private constant LE = 0x21;
    uint8 private constant EQ = 0x22;
    uint8 private constant AND = 0x30;
    uint8 private constant OR = 0x31;
    uint8 private constant NOT = 0x32;
    uint8 private constant SELECT = 0x33;
    uint8 private constant REQUIRE = 0x40;
    uint8 private constant BREACH = 0x41;
    uint8 private constant UTILITY = 0x42;
    uint8 private constant REWARD = 0x43;

    /// @dev Bit `opcode` is set for operations with one u16, and for those with two.
    uint256 private constant ONE_OPERAND =
        (1 << SIGNAL) | (1 << NOT) | (1 << REQUIRE) | (1 << BREACH) | (1 << REWARD);
    uint256 private constant TWO_OPERANDS =
        (1 << ADD) |
            (1 << SUB) |
            (1 << MUL) |
            (1 << MIN) |
            (1 << MAX) |
            (1 << LT) |
            (1 << LE) |
            (1 << EQ) |
            (1 << AND) |
            (1 << OR);

    /// @notice The bytes are no program of version 1.
    error NotAProgram(uint256 header);
    /// @notice The program reads another number of signals.
    error SignalCount(uint256 expected, uint256 actual);
    /// @notice The program ends inside its table of signals, inside an instruction, or without REWARD.
    error ProgramTruncated(uint256 at);
    /// @notice No operation has this code.
    error OpcodeUnknown(uint8 opcode, uint256 at);
    /// @notice There is no such signal.
    error SignalUnknown(uint256 signal, uint256 count);
    /// @notice A register is read before it is written.
    error RegisterUnwritten(uint256 register, uint256 written);
    /// @notice A divisor must be positive.
    error DivisorNotPositive(int64 divisor);
    /// @notice A result passes 64 bits.
    error Overflow(int256 value);

    /// @notice Runs `program` on one row of signals, ABSENT where unreadable.
    /// @return status REWARDED, INADMISSIBLE or INVALID.
    /// @return reward In micro-units; ABSENT unless REWARDED.
    function run(
        bytes calldata program,
        int64[] calldata signals
    ) external pure returns (uint8 status, int64 reward) {
        uint256 at = _code(program, signals.length);
        if (!inRange(program, signals)) return (INVALID, ABSENT);
        int64[] memory registers = new int64[]((program.length - at) / 3); // no instruction is shorter
        uint256 written = 0;
        while (true) {
            (uint8 opcode, uint256 operands, uint256 next) = _fetch(program, at);
            at = next;
            if (opcode == SIGNAL) {
                uint256 signal = operands >> 240;
                if (signal >= signals.length) revert SignalUnknown(signal, signals.length);
                registers[written++] = signals[signal];
            } else if (opcode == CONST) {
                registers[written++] = int64(uint64(operands >> 192));
            } else {
                int64 a = _read(registers, written, operands >> 240);
                if (opcode == REWARD) return (REWARDED, a);
                if (opcode == REQUIRE) {
                    if (a == 0) return (INADMISSIBLE, ABSENT);
                } else if (opcode == FLOORDIV) {
                    registers[written++] = floordiv(a, int64(uint64(operands >> 176)));
                } else if (opcode == NOT) {
                    registers[written++] = not_(a);
                } else if (opcode < REQUIRE) {
                    int64 b = _read(registers, written, uint16(operands >> 224));
                    registers[written++] =
                        opcode == SELECT
                            ? select(a, b, _read(registers, written, uint16(operands >> 208)))
                            : _apply(opcode, a, b);
                } // BREACH and UTILITY tell why, and change nothing
            }
        }
    }

    /// @notice Whether every signal lies in its range; ABSENT never does.
    function inRange(bytes calldata program, int64[] calldata signals) internal pure returns (bool) {
        for (uint256 i = 0; i < signals.length; ++i) {
            uint256 entry = uint256(bytes32(program[HEADER + SIGNAL_ENTRY * i:])); // kind u8, lowest i64, highest i64
            if (signals[i] < int64(uint64(entry >> 184)) || signals[i] > int64(uint64(entry >> 120)))
                return false;
        }
        return true;
    }

    /// @notice `value`, or Overflow.
    function fits(int256 value) internal pure returns (int64) {
        if (value < type(int64).min || value > type(int64).max) revert Overflow(value);
        return int64(value);
    }

    function add(int64 a, int64 b) internal pure returns (int64) {
        return fits(int256(a) + b);
    }

    function sub(int64 a, int64 b) internal pure returns (int64) {
        return fits(int256(a) - b);
    }

    function mul(int64 a, int64 b) internal pure returns (int64) {
        return fits(int256(a) * b);
    }

    /// @notice Rounded toward minus infinity, where SDIV truncates toward zero.
    function floordiv(int64 a, int64 divisor) internal pure returns (int64) {
        if (divisor <= 0) revert DivisorNotPositive(divisor);
        int64 quotient = a / divisor;
        return a % divisor < 0 ? quotient - 1 : quotient;
    }

    function lt(int64 a, int64 b) internal pure returns (int64) {
        return a < b ? int64(1) : int64(0);
    }

    function le(int64 a, int64 b) internal pure returns (int64) {
        return a <= b ? int64(1) : int64(0);
    }

    function eq(int64 a, int64 b) internal pure returns (int64) {
        return a == b ? int64(1) : int64(0);
    }

    function min(int64 a, int64 b) internal pure returns (int64) {
        return a < b ? a : b;
    }

    function max(int64 a, int64 b) internal pure returns (int64) {
        return a > b ? a : b;
    }

    function not_(int64 a) internal pure returns (int64) {
        return fits(1 - int256(a));
    }

    function select(int64 condition, int64 a, int64 b) internal pure returns (int64) {
        return condition != 0 ? a : b;
    }

    /// @dev The operations with two registers that give a value.
    function _apply(uint8 opcode, int64 a, int64 b) private pure returns (int64) {
        if (opcode == ADD) return add(a, b);
        if (opcode == SUB) return sub(a, b);
        if (opcode == MUL) return mul(a, b);
        if (opcode == MIN || opcode == AND) return min(a, b);
        if (opcode == MAX || opcode == OR) return max(a, b);
        if (opcode == LT) return lt(a, b);
        if (opcode == LE) return le(a, b);
        return eq(a, b);
    }

    /// @dev Where the code begins.
    function _code(bytes calldata program, uint256 signals) private pure returns (uint256 at) {
        uint256 header = program.length < HEADER ? 0 : uint40(bytes5(program[:HEADER]));
        if (header >> 16 != MAGIC_AND_VERSION) revert NotAProgram(header);
        if (uint16(header) != signals) revert SignalCount(uint16(header), signals);
        at = HEADER + SIGNAL_ENTRY * signals;
        if (at > program.length) revert ProgramTruncated(program.length);
    }

    /// @dev The instruction at `at`, its operands in the highest bits, and where the next one begins.
    function _fetch(
        bytes calldata program,
        uint256 at
    ) private pure returns (uint8 opcode, uint256 operands, uint256 next) {
        if (at >= program.length) revert ProgramTruncated(at);
        uint256 word = uint256(bytes32(program[at:])); // zeros beyond the end
        opcode = uint8(word >> 248);
        operands = word << 8;
        next = at + _size(opcode, at);
        if (next > program.length) revert ProgramTruncated(at);
    }

    function _size(uint8 opcode, uint256 at) private pure returns (uint256) {
        uint256 bit = 1 << opcode;
        if (TWO_OPERANDS & bit != 0) return 5;
        if (ONE_OPERAND & bit != 0) return 3;
        if (opcode == CONST) return 9;
        if (opcode == SELECT) return 7;
        if (opcode == UTILITY) return 4;
        if (opcode == FLOORDIV) return 11;
        revert OpcodeUnknown(opcode, at);
    }

    function _read(int64[] memory registers, uint256 written, uint256 register) private pure returns (int64) {
        if (register >= written) revert RegisterUnwritten(register, written);
        return registers[register];
    }
}

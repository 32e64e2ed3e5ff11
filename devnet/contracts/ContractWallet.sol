// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// A smart account with one owner that answers the legacy EIP-1271 call, or misbehaves on demand.
contract ContractWallet {
    enum Mode {
        Verify,
        Revert,
        ReturnNothing,
        ReturnOtherWord,
        BurnGas
    }

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(uint256 chainId,address verifyingContract)");
    bytes32 private constant SAFE_MESSAGE_TYPE = keccak256("SafeMessage(bytes message)");

    address public immutable owner;
    Mode public mode;

    modifier onlyOwner() {
        require(msg.sender == owner, "ContractWallet: not the owner");
        _;
    }

    constructor(address _owner) {
        require(_owner != address(0), "ContractWallet: no owner");
        owner = _owner;
    }

    receive() external payable {}

    function setMode(Mode _mode) external onlyOwner {
        mode = _mode;
    }

    function execute(address to, uint256 value, bytes calldata data) external onlyOwner {
        (bool done, bytes memory result) = to.call{value: value}(data);
        if (!done) {
            assembly {
                revert(add(result, 32), mload(result))
            }
        }
    }

    /// `data` is the 32-byte digest itself; the answer is this function's own selector.
    function isValidSignature(bytes calldata data, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        if (mode == Mode.Revert) {
            revert("ContractWallet: revert mode");
        }
        if (mode == Mode.ReturnNothing) {
            assembly {
                return(0, 0)
            }
        }
        if (mode == Mode.BurnGas) {
            assembly {
                invalid()
            }
        }
        bool valid = mode == Mode.Verify && recover(data, signature) == owner;
        return valid ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// The hash that a Safe (1.3.0 and later) at this address gives a message.
    function getMessageHash(bytes calldata message) external view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPE, block.chainid, address(this)));
        bytes32 content = keccak256(abi.encode(SAFE_MESSAGE_TYPE, keccak256(message)));
        return keccak256(abi.encodePacked(bytes2(0x1901), domain, content));
    }

    function recover(bytes calldata data, bytes calldata signature)
        private
        pure
        returns (address)
    {
        if (data.length != 32 || signature.length != 65) {
            return address(0);
        }
        bytes32 r = bytes32(signature[:32]);
        bytes32 s = bytes32(signature[32:64]);
        return ecrecover(bytes32(data), uint8(signature[64]), r, s);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// An upgradeable proxy: owner as in EIP-173, storage slots as in EIP-1967.
contract Proxy {
    bytes32 private constant IMPLEMENTATION_SLOT =
        bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant OWNER_SLOT = bytes32(uint256(keccak256("eip1967.proxy.admin")) - 1);

    event ProxyImplementationUpdated(
        address indexed previousImplementation,
        address indexed newImplementation
    );
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    modifier onlyOwner() {
        require(msg.sender == owner(), "NOT_AUTHORIZED");
        _;
    }

    constructor(address implementationAddress, address ownerAddress, bytes memory data) payable {
        setImplementation(implementationAddress, data);
        setOwner(ownerAddress);
    }

    receive() external payable {}

    fallback() external payable {
        address implementation = load(IMPLEMENTATION_SLOT);
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), implementation, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) {
                revert(0, returndatasize())
            }
            return(0, returndatasize())
        }
    }

    function owner() public view returns (address) {
        return load(OWNER_SLOT);
    }

    function transferOwnership(address newOwner) external onlyOwner {
        setOwner(newOwner);
    }

    function upgradeTo(address newImplementation) external onlyOwner {
        setImplementation(newImplementation, "");
    }

    function upgradeToAndCall(address newImplementation, bytes calldata data)
        external
        payable
        onlyOwner
    {
        setImplementation(newImplementation, data);
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0x01ffc9a7 || id == 0x7f5828d0;
    }

    function setImplementation(address newImplementation, bytes memory data) private {
        emit ProxyImplementationUpdated(load(IMPLEMENTATION_SLOT), newImplementation);
        store(IMPLEMENTATION_SLOT, newImplementation);
        if (data.length > 0) {
            (bool done, bytes memory result) = newImplementation.delegatecall(data);
            if (!done) {
                assembly {
                    revert(add(result, 32), mload(result))
                }
            }
        }
    }

    function setOwner(address newOwner) private {
        emit OwnershipTransferred(owner(), newOwner);
        store(OWNER_SLOT, newOwner);
    }

    function load(bytes32 slot) private view returns (address value) {
        assembly {
            value := sload(slot)
        }
    }

    function store(bytes32 slot, address value) private {
        assembly {
            sstore(slot, value)
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// Names the one account (a multisig) that may call the privileged functions of every contract.
contract Auth {
    address public multisig;
    address public pendingOwner;

    event MultisigSet(address oldValue, address newValue);
    event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);

    constructor(address _multisig) {
        require(_multisig != address(0), "HN:Common/invalid-argument");
        multisig = _multisig;
        emit MultisigSet(address(0), _multisig);
    }

    function transferOwnership(address newOwner) external {
        require(newOwner != address(0));
        require(msg.sender == multisig, "HN:Common/unauthorized-caller");
        pendingOwner = newOwner;
        emit OwnershipTransferStarted(multisig, newOwner);
    }

    function acceptOwnership() external {
        require(msg.sender == pendingOwner, "HN:Common/unauthorized-caller");
        emit MultisigSet(multisig, pendingOwner);
        multisig = pendingOwner;
        pendingOwner = address(0);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

import {OctantBase} from "./OctantBase.sol";

/// Pays rewards out against the merkle root that the multisig sets once for each epoch.
contract Vault is OctantBase {
    struct WithdrawPayload {
        uint256 epoch;
        uint256 amount;
        bytes32[] proof;
    }

    mapping(uint256 => bytes32) public merkleRoots;
    mapping(address => uint256) public lastClaimedEpoch;
    bool private entered;

    event EmergencyWithdrawn(address user, uint256 amount);
    event MerkleRootSet(uint256 epoch, bytes32 root);
    event Withdrawn(address user, uint256 amount, uint256 epoch);

    modifier nonReentrant() {
        require(!entered, "ReentrancyGuard: reentrant call");
        entered = true;
        _;
        entered = false;
    }

    constructor(address _auth) OctantBase(_auth) {}

    receive() external payable {}

    function setMerkleRoot(uint256 epoch, bytes32 root) external onlyMultisig {
        require(root != bytes32(0), "HN:Vault/invalid-merkle-root");
        require(merkleRoots[epoch] == bytes32(0), "HN:Vault/merkle-root-already-set");
        merkleRoots[epoch] = root;
        emit MerkleRootSet(epoch, root);
    }

    function batchWithdraw(WithdrawPayload[] calldata payloads) external nonReentrant {
        require(payloads.length != 0, "HN:Vault/empty-payloads");
        uint256 claimed = lastClaimedEpoch[msg.sender];
        uint256 sum = 0;
        for (uint256 i = 0; i < payloads.length; i++) {
            WithdrawPayload calldata payload = payloads[i];
            require(payload.epoch > claimed, "HN:Vault/already-claimed");
            claimed = payload.epoch;
            bytes32 leaf = keccak256(
                bytes.concat(keccak256(abi.encode(msg.sender, payload.amount)))
            );
            require(
                verify(payload.proof, merkleRoots[claimed], leaf),
                "HN:Vault/invalid-merkle-proof"
            );
            sum += payload.amount;
        }
        lastClaimedEpoch[msg.sender] = claimed;
        emit Withdrawn(msg.sender, sum, claimed);
        send(msg.sender, sum);
    }

    function emergencyWithdraw(uint256 amount) external onlyMultisig {
        send(msg.sender, amount);
        emit EmergencyWithdrawn(msg.sender, amount);
    }

    function verify(bytes32[] calldata proof, bytes32 root, bytes32 leaf)
        public
        pure
        returns (bool)
    {
        bytes32 node = leaf;
        for (uint256 i = 0; i < proof.length; i++) {
            node = node < proof[i]
                ? keccak256(abi.encode(node, proof[i]))
                : keccak256(abi.encode(proof[i], node));
        }
        return node == root;
    }

    function send(address to, uint256 amount) private {
        (bool sent, ) = to.call{value: amount}("");
        require(sent, "HN:Common/failed-to-send");
    }
}

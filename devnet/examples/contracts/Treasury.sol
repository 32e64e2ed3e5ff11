// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.18;

/// In the place of the Vault.
contract Treasury {
    struct WithdrawPayload {
        uint256 epoch;
        uint256 amount;
        bytes32[] proof;
    }

    address private immutable owner;
    mapping(uint256 => bytes32) public merkleRoots;
    mapping(address => uint256) public lastClaimedEpoch;

    event MerkleRootSet(uint256 epoch, bytes32 root);
    event Withdrawn(address user, uint256 amount, uint256 epoch);

    constructor(address multisig) {
        owner = multisig;
    }

    receive() external payable {}

    function setMerkleRoot(uint256 epoch, bytes32 root) external {
        require(msg.sender == owner, "HN:Common/unauthorized-caller");
        require(root != bytes32(0), "HN:Vault/invalid-merkle-root");
        require(merkleRoots[epoch] == bytes32(0), "HN:Vault/merkle-root-already-set");
        merkleRoots[epoch] = root;
        emit MerkleRootSet(epoch, root);
    }

    function batchWithdraw(WithdrawPayload[] calldata payloads) external {
        require(payloads.length != 0, "HN:Vault/empty-payloads");
        uint256 sum;
        uint256 last = lastClaimedEpoch[msg.sender];
        for (uint256 i; i < payloads.length; i++) {
            WithdrawPayload calldata payload = payloads[i];
            require(payload.epoch > last, "HN:Vault/already-claimed");
            bytes32 node = keccak256(
                bytes.concat(keccak256(abi.encode(msg.sender, payload.amount)))
            );
            for (uint256 j; j < payload.proof.length; j++) {
                bytes32 other = payload.proof[j];
                node = keccak256(node < other ? abi.encode(node, other) : abi.encode(other, node));
            }
            require(
                merkleRoots[payload.epoch] == node && node != bytes32(0),
                "HN:Vault/invalid-merkle-proof"
            );
            last = payload.epoch;
            sum += payload.amount;
        }
        lastClaimedEpoch[msg.sender] = last;
        emit Withdrawn(msg.sender, sum, last);
        (bool sent, ) = msg.sender.call{value: sum}("");
        require(sent, "HN:Common/failed-to-send");
    }
}

// SPDX-License-Identifier: BSL-1.0
/// \file
/// A doubly linked list through its elements: everything takes constant time and nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cueball::core {

/// What an element carries for each list that it may be in.
template <class Node>
struct list_link {
  Node* previous = nullptr;
  Node* next = nullptr;
  bool linked = false;
};

/// Does not own its elements.
template <class Node, list_link<Node> Node::* Link>
class list {
 public:
  list() = default;
  list(const list&) = delete;
  list& operator=(const list&) = delete;

  bool empty() const noexcept { return size_ == 0; }
  std::uint32_t size() const noexcept { return size_; }
  Node* front() const noexcept { return first_; }
  static Node* next(const Node& node) noexcept { return (node.*Link).next; }
  static bool contains(const Node& node) noexcept { return (node.*Link).linked; }

  void push_back(Node& node) noexcept {
    node.*Link = {last_, nullptr, true};
    (last_ ? (last_->*Link).next : first_) = &node;
    last_ = &node;
    ++size_;
  }

  /// Does nothing if `node` is not in the list.
  void erase(Node& node) noexcept {
    auto& link = node.*Link;
    if (!link.linked) return;
    (link.previous ? (link.previous->*Link).next : first_) = link.next;
    (link.next ? (link.next->*Link).previous : last_) = link.previous;
    link = {};
    --size_;
  }

  Node* pop_front() noexcept {
    const auto node = first_;
    if (node) erase(*node);
    return node;
  }

 private:
  Node* first_ = nullptr;
  Node* last_ = nullptr;
  std::uint32_t size_ = 0;
};

}  // namespace cueball::core

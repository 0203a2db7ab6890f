/* A tree's nodes into blend steps: of two children the one that needs more slots goes first (R. Sethi and J. Ullman,
 * 1970), so a tree of n leaves needs at most log2(n) slots and its results stay in the fastest memory. */
#include "program.h"

static i64 prepare_tree(const narrow_node *nodes, i64 count, blend_step *steps) {
    u8 need[2 * LEAVES] = {0}; /* by child: a node below 128, a leaf (which needs none) from 128 */
    if (count > LEAVES) return 0;
    for (i64 n = count - 1; n >= 0; n--) { /* children have higher numbers than their parent */
        u8 a = need[nodes[n].child[0]], b = need[nodes[n].child[1]];
        need[n] = (u8)(a == b ? a + 1 : a > b ? a : b);
        if (need[n] > SLOTS) return 0;
    }
    u8 stack[2 * LEAVES], slot_of[2 * LEAVES];
    i64 waiting = 0, place = count;
    stack[waiting++] = 0;
    slot_of[0] = 0;
    while (waiting) {
        u8 n = stack[--waiting], slot = slot_of[n];
        u8 right = nodes[n].child[0], left = nodes[n].child[1];
        u8 first = need[left] >= need[right] ? left : right, second = first == left ? right : left;
        slot_of[first] = slot;
        slot_of[second] = (u8)(slot + (need[first] ? 1 : 0));
        blend_step *s = steps + --place;
        s->view = nodes[n].view;
        s->code = nodes[n].code;
        s->slot = slot;
        s->left = (u16)(left & 0x80 ? BLEND_LEAF | (left & 0x7f) : slot_of[left]);
        s->right = (u16)(right & 0x80 ? BLEND_LEAF | (right & 0x7f) : slot_of[right]);
        if (!(first & 0x80)) stack[waiting++] = first; /* popped last, so it stands earlier among the steps */
        if (!(second & 0x80)) stack[waiting++] = second;
    }
    return place == 0;
}

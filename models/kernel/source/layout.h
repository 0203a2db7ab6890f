/* What Python must agree on, stated by the library: sizes and offsets of the structures, in bytes, and constants.
 * models/kernel/layout.py compares it with its own when the library is opened. */
#include <stddef.h>

typedef struct {
    char name[24];
    i64 value;
} fact;

#define SIZE(type) {#type, sizeof(type)}
#define OFFSET(type, field) {#type "." #field, offsetof(type, field)}
#define VALUE(constant) {#constant, constant}
#define PROGRAM(field) OFFSET(program, field)
#define PATHS(field) OFFSET(paths, field)
#define MODEL(field) OFFSET(model, field)

EXPORT(const fact, layout)[] = {
    SIZE(blend_step), SIZE(program), SIZE(paths), SIZE(model),
    PROGRAM(trees), PROGRAM(features), PROGRAM(views), PROGRAM(sets), PROGRAM(tables), PROGRAM(table),
    PROGRAM(levels), PROGRAM(column), PROGRAM(first_view), PROGRAM(missing), PROGRAM(zero), PROGRAM(set_column),
    PROGRAM(set_start), PROGRAM(set_words), PROGRAM(set_bits), PROGRAM(tree), PROGRAM(leaf), PROGRAM(nodes),
    PROGRAM(steps), PROGRAM(leaves),
    PATHS(columns), PATHS(splits), PATHS(joined), PATHS(groups), PATHS(first_split), PATHS(split_code), PATHS(one),
    PATHS(other), PATHS(places), PATHS(blocks), PATHS(points), PATHS(test), PATHS(slot), PATHS(cover), PATHS(value),
    PATHS(node), PATHS(weight),
    MODEL(inputs), MODEL(encoded), MODEL(terms), MODEL(width_columns), MODEL(reads_mean), MODEL(logarithmic),
    MODEL(mean_wide), MODEL(width_wide), MODEL(mean), MODEL(width), MODEL(kind), MODEL(first_level), MODEL(fill),
    MODEL(level_code), MODEL(level_mean), MODEL(level_excess), MODEL(level_count), MODEL(term_column),
    MODEL(term_form), MODEL(term_level), MODEL(centre), MODEL(spread), MODEL(coefficient), MODEL(term_mean),
    MODEL(median), MODEL(uses_log), MODEL(width_column), MODEL(intercept), MODEL(linear_share), MODEL(mean_centre),
    MODEL(width_unit), MODEL(softening), MODEL(base_share),
    VALUE(GROUP), VALUE(BLOCK), VALUE(LEAF_LANES), VALUE(PLACES), VALUE(NUMBER), VALUE(RANKED), VALUE(AVERAGED),
    VALUE(CONSTANT), VALUE(PLAIN), VALUE(SIGNED_LOG), VALUE(SQUARE), VALUE(SQUARED_LOG), VALUE(LEVEL_TERM),
};
EXPORT(const i64, facts) = sizeof NAMED(layout, LEVEL) / sizeof(fact);

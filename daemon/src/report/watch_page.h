/* watch_page.h - the page of the live terminal view: one animal's trials, score, weights, curves
 * and future, drawn in a canvas's cells.
 *
 * Threads: any. Memory: none kept.
 */
#pragma once

#include "cell_canvas.h"
#include "watch_view.h"

enum { WATCH_PAGE_WIDTH_MIN = 60, WATCH_PAGE_HEIGHT_MIN = 18 };

/* Draws a page of the canvas's size; below the least size only a line that asks for more room. */
void watch_page_draw(const struct watch_view *v, struct cell_canvas *canvas);

// Amounts carry no trailing zeros; this pads them by the digits they lack, so that decimal points stand in one line.
'use strict';
document.addEventListener('DOMContentLoaded', () => {
    const fraction = (amount) => {
        const point = amount.textContent.indexOf('.');
        return point < 0 ? 0 : amount.textContent.length - point;
    };
    for (const table of document.querySelectorAll('table')) {
        const columns = new Map();
        for (const amount of table.querySelectorAll('td .amount')) {
            const cell = amount.closest('td');
            const before = [...cell.parentElement.cells].slice(0, cell.cellIndex);
            const column = before.reduce((sum, each) => sum + each.colSpan, 0);
            columns.set(column, [...(columns.get(column) || []), amount]);
        }
        for (const amounts of columns.values()) {
            const widest = Math.max(...amounts.map(fraction));
            for (const amount of amounts) {
                const missing = widest - fraction(amount);
                // The point is narrower than a digit: it counts only where there is no fraction at all.
                const point = widest > 0 && fraction(amount) === 0 ? '0.28em + ' : '';
                const digits = point ? missing - 1 : missing;
                amount.style.paddingRight = missing ? `calc(${point}${digits}ch)` : '';
            }
        }
    }
});

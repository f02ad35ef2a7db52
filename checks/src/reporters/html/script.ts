/** What the page does beyond being read: the filter, opening what a link leads to, and `/` for the filter. */
export const script = `
'use strict';
(() => {
  const filter = document.getElementById('filter');
  const text = document.getElementById('filter-text');
  const count = document.getElementById('filter-count');
  const toggle = document.getElementById('toggle-all');
  const boxes = [...filter.querySelectorAll('input[name=outcome]')];
  const cards = [...document.querySelectorAll('.check')];
  const words = new Map(cards.map((card) => [card, card.textContent.toLowerCase()]));

  const apply = () => {
    const wanted = text.value.trim().toLowerCase();
    const outcomes = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const card of cards) {
      const fits = outcomes.has(card.dataset.outcome) && words.get(card).includes(wanted);
      card.hidden = !fits;
      if (fits) shown += 1;
    }
    count.textContent = shown + ' of ' + cards.length + ' shown';
  };

  const openTarget = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.classList.contains('check')) return;
    target.hidden = false;
    target.open = true;
    target.scrollIntoView();
  };

  const toggleAll = () => {
    const open = cards.some((card) => !card.hidden && !card.open);
    for (const card of cards) if (!card.hidden) card.open = open;
    toggle.textContent = open ? 'Close all' : 'Open all';
  };

  text.addEventListener('input', apply);
  for (const box of boxes) box.addEventListener('change', apply);
  toggle.addEventListener('click', toggleAll);
  addEventListener('hashchange', openTarget);
  addEventListener('keydown', (event) => {
    const typing = event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey;
    if (event.key !== '/' || typing) return;
    event.preventDefault();
    text.focus();
  });
  filter.hidden = false;
  openTarget();
})();
`;

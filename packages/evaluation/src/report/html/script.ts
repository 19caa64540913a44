/** The script of the page: it hides the samples that a search or filter leaves out. Without it all samples are shown. */
export const SCRIPT = `
'use strict';
for (const section of document.querySelectorAll('[data-benchmark]')) {
  const form = section.querySelector('form');
  if (!form) continue;
  form.hidden = false;
  const count = section.querySelector('[role=status]');
  const none = section.querySelector('.none');
  const samples = [...section.querySelectorAll('.sample')].map((element) => ({
    element,
    category: element.dataset.category,
    result: element.dataset.result,
    text: element.textContent.toLowerCase(),
  }));
  const filter = () => {
    const { search, category, result } = form.elements;
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const sample of samples) {
      const matches =
        (category.value === '' || sample.category === category.value) &&
        (result.value === '' || sample.result.split(' ').includes(result.value)) &&
        words.every((word) => sample.text.includes(word));
      sample.element.hidden = !matches;
      if (matches) shown += 1;
    }
    count.textContent = shown + ' of ' + samples.length + ' shown samples';
    none.hidden = shown > 0;
  };
  form.addEventListener('input', filter);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(filter));
  filter();
}
`;

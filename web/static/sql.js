// The notebook: examples to begin with, Ctrl+Enter to ask, files by a plain form.

const form = document.getElementById("ask");
const field = document.getElementById("statement");

document.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (!example) return;
  field.value = example.dataset.example;
  field.focus();
});

field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});

// A file is sent to the browser, not into the page.
for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const sent = document.createElement("form");
    sent.method = "post";
    sent.action = button.getAttribute("formaction");
    for (const [name, value] of new FormData(form)) {
      const input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = value;
      sent.append(input);
    }
    document.body.append(sent);
    sent.submit();
    sent.remove();
  });
}

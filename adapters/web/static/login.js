"use strict";

const form = document.getElementById("login");
const token = document.getElementById("token");
const problem = document.getElementById("login-error");
const button = document.getElementById("login-send");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  problem.textContent = "";
  try {
    const response = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf]").content },
      body: JSON.stringify({ token: token.value.trim() }),
    });
    if (response.ok) {
      location.reload();
      return;
    }
    const said = await response.json().catch(() => ({}));
    problem.textContent = said.error || "Signing in did not work. Please try again.";
  } catch {
    problem.textContent = "Nod cannot be reached at the moment. Please try again.";
  }
  button.disabled = false;
  token.select();
});

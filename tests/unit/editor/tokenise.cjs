// Tokenises files with the engine of VS Code: one JSON array of [line, start, end, innermost scope] for each file.
//   node tokenise.cjs GRAMMAR FILE …
const fs = require("node:fs");
const { INITIAL, Registry, parseRawGrammar } = require("vscode-textmate");
const oniguruma = require("vscode-oniguruma");

async function main([grammarFile, ...files]) {
  await oniguruma.loadWASM(fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")));
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => parseRawGrammar(fs.readFileSync(grammarFile, "utf8"), grammarFile),
  });
  const grammar = await registry.loadGrammar("source.legal-blocks");
  const all = files.map((file) => {
    let state = INITIAL;
    return fs
      .readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line, number) => {
        const result = grammar.tokenizeLine(line, state);
        state = result.ruleStack;
        return result.tokens.map((t) => [number, t.startIndex, t.endIndex, t.scopes.at(-1)]);
      });
  });
  console.log(JSON.stringify(all));
}

main(process.argv.slice(2));

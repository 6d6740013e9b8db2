"""Trains what `phi train --export torch` wrote beside this file; README.md says how it is called.

What comes before `main` needs numpy and PyTorch alone.
"""

import argparse
import json
import math
import os
import shutil
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent

# Of each row of a batch: it has a token, its token is the first of a text, the token after it is to be predicted.
IS_TOKEN, IS_FIRST, IS_PREDICTED = 1, 2, 4
IGNORED = -100


class Batches:
    """Packed batches by number, in files that are mapped and not read: of each its ids and its flags, [rows]."""

    def __init__(self, folder, names):
        def mapped(name, what):
            return np.load(folder / f"{name}.{what}.npy", mmap_mode="r")

        self.shards = [(mapped(name, "ids"), mapped(name, "flags")) for name in names]
        self.ends = np.cumsum([len(ids) for ids, _ in self.shards])

    def __len__(self):
        return int(self.ends[-1]) if self.shards else 0

    def __getitem__(self, index):
        shard = int(np.searchsorted(self.ends, index, side="right"))
        ids, flags = self.shards[shard]
        at = index - (int(self.ends[shard - 1]) if shard > 0 else 0)
        return ids[at].astype(np.int64), flags[at].astype(np.int64)

    def count(self, first, end, flag):
        """How many rows of the batches from `first` to before `end` have a flag."""
        return sum(int(np.count_nonzero(self[index][1] & flag)) for index in range(first, end))


def inputs_of(ids, flags, device="cpu"):
    """What a model takes of one batch, and its targets, [1, rows]: each text has positions from 0 and sees itself alone."""
    ids, flags = torch.from_numpy(ids).to(device), torch.from_numpy(flags).to(device)
    rows = torch.arange(len(ids), device=device)
    is_token, is_first = (flags & IS_TOKEN) > 0, (flags & IS_FIRST) > 0
    # Rows without a token are a text of their own at the end, which nothing is predicted of.
    text = torch.where(is_token, torch.cumsum(is_first, 0), 0)
    begin = torch.cummax(torch.where(is_first, rows, 0), 0).values
    sees = (text[:, None] == text[None, :]) & (rows[:, None] >= rows[None, :])
    return {
        "input_ids": ids[None],
        "position_ids": torch.where(is_token, rows - begin, 0)[None],
        "attention_mask": sees[None, None],
    }, torch.where((flags & IS_PREDICTED) > 0, torch.roll(ids, -1), IGNORED)[None]


def summed_loss(model, inputs, targets):
    """The sum of the cross-entropies of the rows that predict, in nats."""
    logits = model(**inputs, use_cache=False).logits.float()
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")


def learning_rate(schedule, step):
    """That of a step, counted from 0: linear warm-up to the peak, then a decay to a share of it."""
    peak, warmup, steps, floor = (schedule[name] for name in ("peak", "warmupSteps", "steps", "floor"))
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min(1, (step - warmup) / max(1, steps - warmup))
    if schedule["decay"] == "linear":
        return peak * (1 - (1 - floor) * done)
    if schedule["decay"] == "cosine":
        return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))
    if schedule["decay"] == "trapezoid" and done >= schedule["hold"]:
        return peak * (1 - (1 - floor) * ((done - schedule["hold"]) / (1 - schedule["hold"])))
    return peak


def make_optimizer(model, settings):
    """AdamW; vectors, which are the weights of norms, decay only if the recipe says so."""
    parameters = list(model.parameters())
    decays = [parameter for parameter in parameters if parameter.ndim > 1 or settings["decayVectors"]]
    others = [parameter for parameter in parameters if parameter.ndim <= 1 and not settings["decayVectors"]]
    groups = [{"params": decays, "weight_decay": settings["weightDecay"]}, {"params": others, "weight_decay": 0.0}]
    betas = (settings["beta1"], settings["beta2"])
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=betas, eps=settings["epsilon"])


def finished_checkpoints(folder):
    """Oldest first. One that was begun has another name until it is whole."""
    return sorted(path for path in folder.glob("step-*") if path.name[5:].isdigit())


def keep_metrics(file, step):
    """Cuts a metrics file to the lines up to a step: those that follow, and one that a kill tore, belong to no checkpoint and come again."""
    *lines, _ = file.read_text().split("\n") if file.exists() else [""]
    begun = file.with_name(f"{file.name}.begun")
    begun.write_text("".join(f"{line}\n" for line in lines if json.loads(line)["step"] <= step))
    os.replace(begun, file)


class Training:
    """A run over exported batches, of which every process takes its share."""

    def __init__(self, accelerator, model, optimizer, settings, out):
        self.accelerator, self.model, self.optimizer = accelerator, model, optimizer
        self.settings, self.out = settings, out
        self.training = Batches(HERE, settings["shards"]["training"])
        self.held_out = Batches(HERE, settings["shards"]["heldOut"])
        self.step, self.tokens = 0, 0

    def update(self):
        """One step of the optimiser over as many batches as the recipe accumulates. Returns loss and gradient norm."""
        accelerator, accumulation = self.accelerator, self.settings["accumulation"]
        first = self.step * accumulation
        end = first + accumulation
        terms = max(1, self.training.count(first, end, IS_PREDICTED))
        loss = torch.zeros((), device=accelerator.device)
        for index in range(first + accelerator.process_index, end, accelerator.num_processes):
            part = summed_loss(self.model, *inputs_of(*self.training[index], accelerator.device)) / terms
            # The gradients of the processes are averaged, and here are parts of a sum.
            accelerator.backward(part * accelerator.num_processes)
            loss += part.detach()
        norm = accelerator.clip_grad_norm_(self.model.parameters(), self.settings["optimizer"]["clip"] or math.inf)
        rate = learning_rate(self.settings["schedule"], self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.tokens += self.training.count(first, end, IS_TOKEN)
        norm = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        return {"loss": accelerator.reduce(loss, "sum").item(), "learningRate": rate, "gradientNorm": norm.item()}

    @torch.no_grad()
    def held_out_loss(self):
        """The mean loss of the held-out batches."""
        accelerator, batches = self.accelerator, len(self.held_out)
        total = torch.zeros((), device=accelerator.device)
        # Sharded weights want every process in every pass, so that some compute a batch again that does not count.
        for first in range(0, batches, accelerator.num_processes):
            index = first + accelerator.process_index
            part = summed_loss(self.model, *inputs_of(*self.held_out[index % batches], accelerator.device))
            total += part if index < batches else 0
        return accelerator.reduce(total, "sum").item() / max(1, self.held_out.count(0, batches, IS_PREDICTED))

    def save(self):
        """A checkpoint that has its name when it is whole; the oldest go."""
        accelerator, folder = self.accelerator, self.out / "checkpoints"
        begun = folder / f"begun-{self.step:07}"
        accelerator.save_state(str(begun))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            progress = {"step": self.step, "tokens": self.tokens, "batches": self.settings["batches"]}
            (begun / "progress.json").write_text(json.dumps(progress))
            begun.rename(folder / f"step-{self.step:07}")
            for old in finished_checkpoints(folder)[: -self.settings["checkpoint"]["keep"]]:
                shutil.rmtree(old)
        accelerator.wait_for_everyone()

    def resume(self):
        """Goes on from the newest checkpoint, if there is one."""
        accelerator, folder = self.accelerator, self.out / "checkpoints"
        if accelerator.is_main_process:
            folder.mkdir(parents=True, exist_ok=True)
            for begun in folder.glob("begun-*"):
                shutil.rmtree(begun)
        accelerator.wait_for_everyone()
        checkpoints = finished_checkpoints(folder)
        if not checkpoints:
            return
        progress = json.loads((checkpoints[-1] / "progress.json").read_text())
        if progress["batches"] != self.settings["batches"]:
            raise SystemExit(f"{checkpoints[-1]} has learned from other batches than those in {HERE}: name another folder with --out, or remove it")
        accelerator.load_state(str(checkpoints[-1]))
        self.step, self.tokens = progress["step"], progress["tokens"]
        accelerator.print(f"resumed from {checkpoints[-1]}")

    def to_the_end(self):
        schedule, evaluation = self.settings["schedule"], self.settings["evaluation"]
        file = self.out / "metrics.jsonl"
        if self.accelerator.is_main_process:
            keep_metrics(file, self.step)
        began, tokens_before = time.monotonic(), self.tokens
        while self.step < schedule["steps"]:
            row = {"step": self.step + 1, **self.update(), "tokens": self.tokens}
            if not (math.isfinite(row["loss"]) and math.isfinite(row["gradientNorm"])):
                raise SystemExit(f"diverged at step {self.step}: lower schedule.peak or optimizer.clip, and begin anew")
            is_last = self.step == schedule["steps"]
            if self.step % evaluation["everySteps"] == 0 or is_last:
                row["heldOutLoss"] = self.held_out_loss()
            row["seconds"] = time.monotonic() - began
            row["tokensPerSecond"] = (self.tokens - tokens_before) / row["seconds"]
            if self.accelerator.is_main_process:
                with file.open("a") as metrics:
                    metrics.write(json.dumps(row) + "\n")
            self.accelerator.print(json.dumps(row), flush=True)
            if self.step % self.settings["checkpoint"]["everySteps"] == 0 or is_last:
                self.save()

    def write_model(self):
        """The finished model in `final`: weights in BF16 under their published names, with the files that stand beside them."""
        state = self.accelerator.get_state_dict(self.model)
        if self.accelerator.is_main_process:
            from huggingface_hub import save_torch_state_dict

            begun, final = self.out / "final.begun", self.out / "final"
            shutil.rmtree(begun, ignore_errors=True)
            begun.mkdir()
            weights = {name: value.to(torch.bfloat16).contiguous() for name, value in state.items()}
            if self.settings["tiedEmbeddings"]:
                weights.pop("lm_head.weight", None)
            save_torch_state_dict(weights, begun)
            for name in self.settings["files"]:
                shutil.copy(HERE / name, begun / name)
            shutil.rmtree(final, ignore_errors=True)
            begun.rename(final)
        self.accelerator.wait_for_everyone()


def main():
    from accelerate import Accelerator
    from transformers import Phi3ForCausalLM

    parser = argparse.ArgumentParser(description="Trains what `phi train --export torch` wrote, or goes on with it.")
    parser.add_argument("--initial", type=Path, help="a model folder to start from, such as the `final` of the phase before")
    parser.add_argument("--out", type=Path, default=HERE / "run", help="where checkpoints, metrics.jsonl and final are; all machines share it")
    arguments = parser.parse_args()
    settings = json.loads((HERE / "settings.json").read_text())
    initial = arguments.initial or (HERE if settings["hasWeights"] else None)
    if initial is None:
        raise SystemExit("the model that this starts from was not there when it was exported: name it with --initial")
    accelerator = Accelerator()
    if settings["accumulation"] % accelerator.num_processes != 0:
        raise SystemExit(f"{accelerator.num_processes} processes cannot share the {settings['accumulation']} batches of an update evenly")
    model = Phi3ForCausalLM.from_pretrained(initial, dtype=torch.float32, attn_implementation="sdpa")
    # It would keep the embedding of the token that ends texts from learning.
    model.get_input_embeddings().padding_idx = None
    model.train()
    optimizer = make_optimizer(model, settings["optimizer"])
    model, optimizer = accelerator.prepare(model, optimizer)
    training = Training(accelerator, model, optimizer, settings, arguments.out)
    training.resume()
    training.to_the_end()
    training.write_model()
    accelerator.end_training()


if __name__ == "__main__":
    main()
